"""The virtual GRBL, grblHAL and FluidNC."""
