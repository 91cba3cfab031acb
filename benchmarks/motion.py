"""How fast, how exact and how safe the timing of a drawing is, beside other planners.

    python -m benchmarks.motion [--quick] [--json FILE]

Three parts. The optimum: one analytic curve timed by this package and by three others
(``tests/support/motion_rivals.py``), on a machine whose controller never falls behind. The machine: drawings
compiled, and run by the emulated firmware of GRBL and Marlin at the line rate of their
profiles; what they did against what was planned. The limits: many generated paths and
profiles, every limit asked between all places of the plan (``tests/support/motion_check.py``).

Seconds are those of one core, measured as CPU time, the least of some repeats.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from benchmarks import harness, motion_machine
from calibration.profile import Paper, Profile
from firmware_bridge.machine import kinematics_of
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from tests.support import motion_rivals, motion_shapes
from tests.support.motion_check import violation

Result = TypeVar("Result")

_REPEATS = 5
_SEED = 5
# Places of the fine grid on which the rivals and the independent solver work.
_FINE = 40_001
_LOOPS = 8
_WAYPOINTS = (2_000, 50_000)
_IK_POINTS = 50_000
_ARMS = ("scara", "fivebar", "polargraph")


def least_cpu_s(work: Callable[[], Result], repeats: int) -> tuple[float, Result]:
    """The least CPU time of some runs, and what the last of them gave."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        result = work()
        best = min(best, time.process_time() - begin)
    return best, result


def unhindered(profile: Profile) -> Profile:
    """The profile with a controller that is never the limit."""
    return replace(profile, machine=replace(profile.machine, line_rate_per_s=1e5, planner_blocks=1000))


def optimum(repeats: int, fine: int) -> dict[str, float]:
    """Durations of one curve by this package and by others, over the optimum; prints them."""
    profile = unhindered(Profile.load("grbl-z"))
    machine, pen = profile.machine, profile.pen
    end = 2 * np.pi * _LOOPS
    path = motion_shapes.path_of(
        motion_shapes.ellipses(np.linspace(0.0, end, _WAYPOINTS[0]), profile, 3.0), profile
    )
    ours_s, trajectory = least_cpu_s(lambda: parametrise(path, profile), repeats)
    moving = np.linalg.norm(np.diff(trajectory.xy_mm, axis=0), axis=1) > 0
    ours = float(np.diff(trajectory.t_s)[moving].sum())

    def curve(places: int) -> motion_rivals.Curve:
        t = np.linspace(0.0, end, places)
        return motion_shapes.ellipses(t, profile, 3.0).curve(t)

    exact, sparse = curve(fine), curve(_WAYPOINTS[0])
    bounds = motion_rivals.Bounds(
        np.array([*machine.max_speed_mm_s, machine.pen_max_speed]),
        np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration]),
        pen.draw_speed_mm_s,
    )
    best = motion_rivals.duration_s(exact, motion_rivals.copp(exact, bounds))
    print(f"time of one line of loops with changing pressure, {_WAYPOINTS[0]} points; optimum {best:.3f} s")
    print(f"{'':34}  {'/ optimum':>9}  {'worst use':>9}  {'CPU s':>8}")
    row = "{:34}  {:9.4f}  {:9.3f}  {:8.4f}"
    use = violation(path, profile)
    print(row.format("strokebot", ours / best, use, ours_s))
    flat = {"time_over_optimum": ours / best}
    rivals: Mapping[str, Callable[[], motion_rivals.Array]] = {
        "copp": lambda: motion_rivals.copp(sparse, bounds),
        "forward_backward": lambda: motion_rivals.forward_backward(sparse, bounds),
        "cornering": lambda: motion_rivals.cornering(sparse, bounds, machine.junction_deviation_mm),
    }
    for name, work in rivals.items():
        seconds, x = least_cpu_s(work, repeats)
        share = motion_rivals.duration_s(sparse, x) / best
        # Between the points too: the squared speed is linear there.
        dense = np.interp(exact.s, sparse.s * exact.s[-1] / sparse.s[-1], x)
        worst = motion_rivals.worst_use(exact, bounds, dense)
        print(row.format(name.replace("_", " "), share, worst, seconds))
        flat |= {f"{name}_over_optimum": share, f"{name}_worst_use": worst, f"{name}_s": seconds}
    return flat


def planning_s(repeats: int) -> dict[str, float]:
    """CPU seconds for planning, smoothing and inverse kinematics; prints them."""
    profile = Profile.load("grbl-z")
    flat: dict[str, float] = {}
    for points in _WAYPOINTS:
        path = motion_shapes.handwriting(points, max(1, points // 4000), 60 if points > 4000 else 25)
        flat[f"plan_{points}_s"], trajectory = least_cpu_s(lambda p=path: parametrise(p, profile), repeats)
        flat[f"smooth_{points}_s"], _ = least_cpu_s(lambda p=path: smooth(p), repeats)
        print(
            f"{points} waypoints, {trajectory.duration_s:.0f} s of drawing: planned in "
            f"{flat[f'plan_{points}_s']:.4f} s, smoothed in {flat[f'smooth_{points}_s']:.4f} s"
        )
    slowest = 0.0
    for name in _ARMS:
        arm = Profile.load(name)
        kinematics = kinematics_of(arm.machine)
        share = np.random.default_rng(_SEED).uniform(0.0, 1.0, (_IK_POINTS, 2))
        points_mm = arm.to_machine(share * arm.paper.size_mm)
        seconds, joints = least_cpu_s(lambda k=kinematics, p=points_mm: k.inverse(p), repeats)
        error = float(np.abs(kinematics.forward(joints) - points_mm).max())
        print(
            f"inverse kinematics of {_IK_POINTS} points, {name}: {seconds:.4f} s, back within {error:.1e} mm"
        )
        slowest = max(slowest, seconds)
    return flat | {"ik_50000_s": slowest}


def limits(paths: int) -> dict[str, float]:
    """The worst use of any limit over generated paths and profiles; prints it."""
    rng = np.random.default_rng(_SEED)
    base, arm = Profile.load("grbl-z"), Profile.load("scara")
    fixed = {
        "spiral": motion_shapes.spiral(3000, 12.0, (70.0, 70.0), 40.0),
        "handwriting": motion_shapes.handwriting(3000, 3, 15),
        "cusps": motion_shapes.star(2000),
        "two points": motion_shapes.random_line(rng, 2),
    }
    worst = {name: violation(smooth(path), base) for name, path in fixed.items()}
    for k in range(paths):
        path = motion_shapes.random_line(rng, int(rng.integers(2, 12)))
        name = "random lines on an arm" if k % 4 == 3 else "random lines"
        profile = _random_arm(rng, arm) if k % 4 == 3 else _random_limits(rng, base)
        use = violation(smooth(path, 0.1) if k % 2 else path, profile)
        worst[name] = max(worst.get(name, 0.0), use)
    print(f"greatest use of a limit anywhere, 1 = all of it; {paths} random paths")
    for name, use in worst.items():
        print(f"  {name:24} {use:.4f}")
    return {"max_violation": max(worst.values())}


def _random_limits(rng: np.random.Generator, base: Profile) -> Profile:
    """A machine and a pen of random limits, the paper turned."""
    machine = replace(
        base.machine,
        max_speed_mm_s=tuple(rng.uniform(20, 200, 2)),
        max_acceleration_mm_s2=tuple(np.exp(rng.uniform(np.log(100), np.log(5000), 2))),
        pen_max_speed=rng.uniform(3, 60),
        pen_max_acceleration=np.exp(rng.uniform(np.log(50), np.log(3000))),
    )
    limit = float(rng.uniform(100, 3000)) if rng.uniform() < 0.5 else None
    pen = replace(base.pen, draw_speed_mm_s=rng.uniform(5, 150), draw_acceleration_mm_s2=limit)
    return Profile(machine, pen, Paper((297, 420), (5, 7), rng.uniform(-90, 90)))


def _random_arm(rng: np.random.Generator, base: Profile) -> Profile:
    """The arm with joints of random strength."""
    speed, acceleration = rng.uniform(5, 100, 2), rng.uniform(50, 2000, 2)
    machine = replace(base.machine, joint_max_speed=tuple(speed), joint_max_acceleration=tuple(acceleration))
    return replace(base, machine=machine)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    chosen = harness.options("Time, exactness and limits of the motion.", arguments)
    repeats = 2 if chosen.quick else _REPEATS
    flat = optimum(repeats, _FINE // 4 if chosen.quick else _FINE)
    flat |= planning_s(repeats)
    flat |= motion_machine.machines(chosen.quick)
    flat |= limits(40 if chosen.quick else 2000)
    harness.save(flat, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
