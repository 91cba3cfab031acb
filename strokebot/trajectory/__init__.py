"""From a gesture on the canvas to a timed program for the machine, in three steps.

    path/     Gesture + paper -> Path: placed, smoothed, led where the machine can go
    timing/   Path + Profile -> Trajectory: where the pen is at each moment
    compile/  Trajectory + Profile -> Program: the machine's moves and feeds

Everything here is a pure function on frozen data. Paper millimetres, seconds and
radians throughout; the machine's frame appears in ``timing.limits`` (its axes limit the motion)
and in ``compile``, each time through ``Profile.to_machine``.
"""
