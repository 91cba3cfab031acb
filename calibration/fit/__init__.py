"""From measures of a chart to a profile.

The room:
    pen.py        a pen chart: curve, touch, play, lag, ink, tilt of the paper
    outcome.py    what that fit says, and the profile that it makes
    observe.py    a sheet as rows of numbers
    widths.py     the curve, told apart from everything that bends it
    landing.py    the touch point
    ink.py        darkness, speed, blot
    caliper.py    widths typed in, in place of a scan
    geometry.py   a geometry chart: scale, skew, turn, shift, play
    arms.py       links and zeros of an arm
    crosses.py    the crosses of that chart as rows of numbers
    history.py    saved profiles, and the way back
"""
