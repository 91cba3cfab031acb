"""``Path`` to ``Trajectory``: the fastest motion within the limits of machine and pen.

waypoints.py     a path as one chain of distinct points, with stops and corners
spline.py        the smooth curve through them, by arc length
pressure.py      the pen axis: its value along a path, the time of a lift
limits.py        what machine and pen allow along that curve, as linear rows
topp.py          the fastest motion along a curve under linear rows (pure mathematics)
corners.py       how fast a corner is passed
jerk.py          jumps of the acceleration made ramps, where a profile bounds the jerk
plan.py          the fastest motion along the chain
parametrise.py   Path + Profile -> Trajectory
trajectory.py    ``Trajectory``, its checks, its file
time_budget.py   where the time goes
presets.py       what --speed and --quality mean
segments.py      where a curve is cut into moves, and how fast a controller can follow
"""
