"""From a gesture on the canvas to a timed program for the machine.

The room, in the order in which a drawing passes through it:

    path.py         Path: points in paper mm with width, ink, pen up or down
    place.py        Gesture + paper -> Path; canvas to paper, the first of two frame changes
    polyline.py     what several files need of polylines: length, simplification, deviation
    smooth.py       Path -> Path without jitter, within a tolerance, corners kept; fit.py does the fit
    landing.py      Path -> Path whose strokes begin and end without pressure, for pens that ask for it
    detour.py       Path -> Path whose travel stays within the reach of an arm
    chain.py        a path as one chain of distinct points, with stops and corners
    spline.py       the smooth curve through a path's points, by arc length
    pressure.py     the pen axis: its value along a path, the time of a lift
    limits.py       what machine and pen allow along that curve, as linear rows
    topp.py         the fastest motion along a curve under linear rows (pure mathematics)
    corners.py      how fast a corner is passed
    jerk.py         jumps of the acceleration made ramps, where a profile bounds the jerk
    plan.py         the fastest motion along the chain
    timing.py       Path + Profile -> Trajectory: where the pen is at each moment
    trajectory.py   Trajectory, its checks, its file
    stages.py       where the time goes
    presets.py      what --speed and --quality mean
    segments.py     where a curve is cut into moves, and how fast a controller can follow
    cuts.py         the same for a firmware that guesses arcs: Marlin
    feeds.py        feeds of the moves
    take_up.py      moves for a machine whose axes have play
    compile.py      Trajectory + Profile -> Program: the machine's moves and feeds

Everything here is a pure function on frozen data. Paper millimetres, seconds and
radians throughout; the machine's frame appears in ``limits`` (its axes limit the motion)
and in ``compile``, each time through ``Profile.to_machine``.
"""
