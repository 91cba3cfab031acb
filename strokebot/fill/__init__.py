"""Filled areas: which ink is too wide for one line of the pen, and the passes that fill it."""
