"""From a measured geometry chart to a profile that draws in the right place.

A frame of straight axes (Cartesian, CoreXY, or a controller that knows its mechanism) is off by

    x(m) = A q + b - e play / 2

A = scale, skew and turn, b = shift; linear, solved by weighted least squares with Tukey's weights. The
corrected profile tells the machine q' = A^-1 (x(p) - b), so that it draws at p. A and b are parted
into the correction C of the machine's frame (symmetric: scale and skew) and the place of the paper
(turn and shift):  A^-1 R = C R'.

An arm whose joints the profile commands is fitted in ``arms.py`` instead: there the links and zeros
are wrong, not the frame.

Where the machine drew the fiducials itself, its scan tells scale and skew, but neither turn nor
shift: they stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.chart.spec import Chart
from calibration.errors import FitError, ProfileError
from calibration.fit.arms import fit_arm
from calibration.fit.crosses import (
    Corners,
    best_turn,
    corners_of,
    distances,
    paper_to_machine,
    turn_of,
)
from calibration.measurements import Measurements
from calibration.profile import Profile
from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics import Mechanism

Floats = NDArray[np.float64]

_BISQUARE = 4.685
_MAD = 1.4826
_ROUNDS = 30
_LEAST_SPREAD_MM = 0.005
# A corner further off than this, mm and deviations, is named.
_OUTLIER_MM = 0.1
# A fit that leaves more than this explains nothing.
_MOST_RESIDUAL_MM = 0.6
# What is worth a word: play, and turn and shift that stay open.
_PLAY_MM = 0.03
_DECIMALS = 6
_PLACE_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class GeometryFit:
    """Where a machine draws, and how to make it draw in the right place.

    Attributes:
        scale: of the machine's x and y axis: drawn over commanded length.
        skew_deg: by which the angle between the axes is less than 90 degrees.
        rotation_deg: turn of the drawing on the sheet. offset_mm: its shift in the chart's middle, paper mm.
        backlash_mm: play of the x and the y axis.
        before_mm, after_mm: root mean square and greatest distance of the corners from their place.
        planned_mm, measured_mm, fitted_mm: (n, 2) corners, and where the fit says that they are.
        used: (n,) False for outliers.
        mechanism: links and zeros as fitted, or None for straight axes.
        profile: with the correction.
        outliers: names of corners that were left out.
        words: what a person should know, one sentence each.
    """

    scale: tuple[float, float]
    skew_deg: float
    rotation_deg: float
    offset_mm: tuple[float, float]
    backlash_mm: tuple[float, float]
    before_mm: tuple[float, float]
    after_mm: tuple[float, float]
    planned_mm: Floats
    measured_mm: Floats
    fitted_mm: Floats
    used: NDArray[np.bool_]
    mechanism: Mechanism | None
    profile: Profile
    outliers: tuple[str, ...]
    words: tuple[str, ...]

    def apply(self, profile: Profile) -> Profile:
        """The profile with the correction: of machine and place of the paper; pen and sheet are kept.

        Raises:
            FitError: if the profile is not that of the chart, or does not take the correction.
        """
        if profile.machine.name != self.profile.machine.name:
            raise FitError(f"The correction is for '{self.profile.machine.name}': name that profile.")
        fitted = self.profile
        machine = replace(
            profile.machine,
            kinematics=fitted.machine.kinematics,
            backlash_mm=fitted.machine.backlash_mm,
        )
        paper = replace(
            profile.paper,
            origin_mm=fitted.paper.origin_mm,
            rotation_deg=fitted.paper.rotation_deg,
            correction=fitted.paper.correction,
        )
        return replace(profile, machine=machine, paper=paper)


def fit_geometry(chart: Chart, measurements: Measurements, profile: Profile) -> GeometryFit:
    """Fits a machine to a measured geometry chart.

    Args:
        chart: what was drawn.
        measurements: what was measured on it.
        profile: with which it was drawn.

    Raises:
        FitError: if the measurements are of another chart or machine, too few, or fit no machine.
    """
    corners = corners_of(chart, measurements, profile)
    matrix, shift, play, used = _frame(corners, profile)
    links = profile.machine.raw_joints
    words = []
    mechanism: Mechanism | None = None
    if links:
        arm = fit_arm(corners, used, profile)
        mechanism, fitted, words = arm.mechanism, arm.fitted_mm, list(arm.words)
        used = used & arm.used
        play = (0.0, 0.0)
        new = _with_mechanism(profile, mechanism)
    else:
        told = corners.told_mm @ matrix.T + shift
        fitted = _back(profile, told)
        new = _corrected(profile, corners, matrix, shift)
        taken_up = (round(play[0], _PLACE_DECIMALS), round(play[1], _PLACE_DECIMALS))
        backlash = taken_up if max(play) > _PLAY_MM else None
        new = replace(new, machine=replace(new.machine, backlash_mm=backlash))
    before = _before(corners, used)
    away = corners.measured_mm + _back_way(profile, corners.side * np.array(play) / 2)
    after = distances(fitted[used], away[used])
    if after[0] > _MOST_RESIDUAL_MM:
        raise FitError(
            f"The corners fit no machine of this kind (they stay {after[0]:.2f} mm off): does the frame "
            "slip or lose steps, or is it another chart?"
        )
    a = matrix
    if corners.free:
        words.append(
            "The machine drew the fiducials itself: the scan tells scale and skew, but not where on the "
            "sheet the drawing lies or how it is turned. Print the fiducials beforehand to correct that too."
        )
    if max(play) > _PLAY_MM:
        words.append(
            f"The axes have a play of about {play[0]:.2f} and {play[1]:.2f} mm: drawings take it up from now "
            "on. Tighten belts or screws all the same, and calibrate again."
        )
    outliers = tuple(corners.name[~used].tolist())
    if outliers:
        words.append(f"Left out, since they do not fit the others: {', '.join(outliers)}.")
    turn = math.degrees(math.atan2(a[1, 0] - a[0, 1], a[0, 0] + a[1, 1]))
    offset = np.zeros(2) if corners.free else (corners.measured_mm - corners.planned_mm)[used].mean(axis=0)
    skew = math.degrees(
        math.pi / 2 - (math.atan2(a[1, 1], a[0, 1]) - math.atan2(a[1, 0], a[0, 0])) % (2 * math.pi)
    )
    return GeometryFit(
        scale=(float(np.hypot(*a[:, 0])), float(np.hypot(*a[:, 1]))),
        skew_deg=skew,
        rotation_deg=0.0 if corners.free else turn,
        offset_mm=(float(offset[0]), float(offset[1])),
        backlash_mm=play,
        before_mm=before,
        after_mm=after,
        planned_mm=corners.planned_mm,
        measured_mm=corners.measured_mm,
        fitted_mm=fitted,
        used=used,
        mechanism=mechanism,
        profile=new,
        outliers=outliers,
        words=tuple(words),
    )


def _frame(
    corners: Corners, profile: Profile
) -> tuple[Floats, Floats, tuple[float, float], NDArray[np.bool_]]:
    """A, b, play and the corners that fit."""
    real = paper_to_machine(profile, corners.measured_mm)
    n = len(real)
    weight = np.ones(n)
    middle = corners.told_mm.mean(axis=0)
    found = np.zeros((2, 4))
    distance = np.zeros(n)
    spread = _LEAST_SPREAD_MM
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        for k in range(2):
            columns = np.column_stack([corners.told_mm - middle, np.ones(n), -corners.side[:, k] / 2])
            found[k] = np.linalg.lstsq(root[:, None] * columns, root * real[:, k], rcond=None)[0]
        model = (corners.told_mm - middle) @ found[:, :2].T + found[:, 2] - corners.side / 2 * found[:, 3]
        distance = np.hypot(*(real - model).T)
        spread = max(_MAD * float(np.median(distance)), _LEAST_SPREAD_MM)
        weight = (1 - np.clip(distance / (_BISQUARE * spread), 0.0, 1.0) ** 2) ** 2
    matrix = found[:, :2].copy()
    play = (max(float(found[0, 3]), 0.0), max(float(found[1, 3]), 0.0))
    used = (distance < _BISQUARE * spread) | (distance < _OUTLIER_MM)
    shift = found[:, 2] - matrix @ middle
    return matrix, shift, play, used


def _corrected(profile: Profile, corners: Corners, matrix: Floats, shift: Floats) -> Profile:
    """The profile that tells the machine q' = A^-1 (x(p) - b)."""
    turn = turn_of(profile.paper.rotation_deg)
    if corners.free:
        # Of A only what no turn of the sheet can hide: A = U S, and S is kept.
        _, stretch = _polar(matrix)
        inverse = np.linalg.inv(stretch)
        correction, degrees = inverse, profile.paper.rotation_deg
        middle = corners.planned_mm.mean(axis=0)
        origin = profile.to_machine(middle[None])[0] - correction @ turn @ middle
    else:
        inverse = np.linalg.inv(matrix)
        origin = inverse @ (np.array(profile.paper.origin_mm) - shift)
        # A^-1 R = C R' with C symmetric: the polar parts of the transpose.
        rotation, correction = _polar((inverse @ turn).T)
        rotation = rotation.T
        degrees = math.degrees(math.atan2(rotation[1, 0], rotation[0, 0]))
        degrees += 360.0 * round((profile.paper.rotation_deg - degrees) / 360.0)
    try:
        paper = replace(
            profile.paper,
            origin_mm=(round(float(origin[0]), _PLACE_DECIMALS), round(float(origin[1]), _PLACE_DECIMALS)),
            rotation_deg=round(degrees, _DECIMALS),
            correction=tuple(np.round(correction, _DECIMALS).ravel().tolist()),
        )
    except ProfileError as cause:
        raise FitError(f"The measured geometry is too far off to be corrected: {cause}") from cause
    return replace(profile, paper=paper)


def _with_mechanism(profile: Profile, mechanism: Mechanism) -> Profile:
    try:
        return replace(profile, machine=replace(profile.machine, kinematics=mechanism))
    except (ProgramError, ProfileError) as cause:
        raise FitError(f"The fitted arm is no machine that can work: {cause}") from cause


def _polar(matrix: Floats) -> tuple[Floats, Floats]:
    """Turn U and symmetric S with U S = matrix."""
    u, s, v = np.linalg.svd(matrix)
    return u @ v, v.T @ np.diag(s) @ v


def _back(profile: Profile, machine_mm: Floats) -> Floats:
    """Paper mm of machine places, the inverse of x."""
    turn = turn_of(profile.paper.rotation_deg)
    return np.asarray((machine_mm - profile.paper.origin_mm) @ turn)


def _back_way(profile: Profile, way_mm: Floats) -> Floats:
    return np.asarray(way_mm @ turn_of(profile.paper.rotation_deg))


def _before(corners: Corners, used: NDArray[np.bool_]) -> tuple[float, float]:
    planned, measured = corners.planned_mm[used], corners.measured_mm[used]
    if corners.free:
        turn, shift = best_turn(measured, planned)
        measured = measured @ turn.T + shift
    return distances(measured, planned)
