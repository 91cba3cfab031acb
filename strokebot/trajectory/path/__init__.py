"""Gesture to ``Path``: placed on paper, smoothed, and led where the machine can go.

path.py            ``Path``: points in paper mm with width, ink, pen up or down
place.py           canvas to paper, the first of two changes of frame
smooth.py, fit.py  jitter taken out within a tolerance, corners kept
pen_ramp.py        strokes that begin and end without pressure
travel_routing.py  travel that stays within the reach of an arm
"""
