"""Geometry that several stages share: polylines and the smoothing of sequences."""
