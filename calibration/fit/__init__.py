"""From measures of a chart to a profile.

The room:
    pen.py        a pen chart: curve, touch, play, lag, ink, tilt of the paper
    observe.py    a sheet as rows of numbers
    widths.py     the curve, told apart from everything that bends it
    landing.py    the touch point
    ink.py        darkness, speed, blot
    isotonic.py   monotone regression
"""
