"""Gets a program of moves safely through a wire to a machine, real or simulated.

This package knows axes, millimetres, envelopes, bytes and acknowledgements. It
knows nothing of paper, images or networks.
"""
