"""Links, zeros and bases of an arm from where it drew.

The joints are driven to j = inverse(q) of the profile's mechanism, and the tool comes to
forward(j; theta) of the true one. theta = all lengths, zero angles and places of the mechanism,
found by damped least squares (Levenberg and Marquardt; scipy's trust region) on

    x(m) - forward(j; theta) + e pull / 2      soft limit for outliers, pull = play as seen at the tool
    (theta - theta_profile) / prior            weak: holds what the chart does not tell

Where the machine drew the fiducials itself, a turn and a shift of the sheet are free as well.

What is not determined: with J the derivatives over the noise, the covariance is
(J^T J + prior^-2)^-1. A parameter whose deviation stays near its prior was told nothing; it
keeps its value, and the words name it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.errors import FitError
from calibration.fit.crosses import Corners, paper_to_machine, turn_of
from calibration.profile import Profile
from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics import Mechanism

Floats = NDArray[np.float64]

# Prior deviations: an arm is measured with a ruler, and its zeros are set by eye.
_PRIOR_MM = 5.0
_PRIOR_DEG = 5.0
_PRIOR_PULL_MM = 0.5
_PRIOR_TURN_DEG = 10.0
_PRIOR_SHIFT_MM = 30.0
# What a corner is off by, mm.
_NOISE_MM = 0.03
_SOFT = 3.0
_OUTLIER_SIGMAS = 8.0
_OUTLIER_MM = 0.2
# A parameter with this share of its prior deviation left was not told.
_OPEN_SHARE = 0.6
_FAR_MM = 100.0
_LENGTHS, _ANGLES = "_mm", "_deg"


@dataclass(frozen=True, eq=False)
class ArmFit:
    """The fitted mechanism.

    Attributes:
        mechanism: with its new lengths and zeros.
        fitted_mm: (n, 2) where it says that the corners are, paper mm.
        used: (n,) False for outliers.
        words: parameters that the chart does not tell.
    """

    mechanism: Mechanism
    fitted_mm: Floats
    used: NDArray[np.bool_]
    words: tuple[str, ...]


def fit_arm(corners: Corners, used: NDArray[np.bool_], profile: Profile) -> ArmFit:
    """Fits the mechanism of a profile.

    Args:
        corners: as measured.
        used: those to begin with.
        profile: whose joints were driven.

    Raises:
        FitError: if the mechanism has nothing to fit, or nothing fits.
    """
    mechanism = profile.machine.kinematics
    keys = parameters_of(mechanism)
    if not keys:
        raise FitError(f"A machine of kind '{mechanism.type}' with raw joints has no links to fit.")
    start = np.array([getattr(mechanism, key)[k] for key, k in keys])
    prior = np.array([_PRIOR_DEG if key.endswith(_ANGLES) else _PRIOR_MM for key, _ in keys])
    joints, _ = mechanism.joints_at(corners.told_mm)
    real = paper_to_machine(profile, corners.measured_mm)
    middle = real.mean(axis=0)
    extra = np.array(
        [_PRIOR_PULL_MM] * 2 + ([_PRIOR_TURN_DEG, _PRIOR_SHIFT_MM, _PRIOR_SHIFT_MM] if corners.free else [])
    )
    scale = np.concatenate([prior, extra])

    def places(q: Floats) -> tuple[Floats, Floats]:
        """Where the corners are and where the mechanism would have drawn them, machine mm."""
        moved = q * scale
        n = len(keys)
        drawn = _forward(mechanism, keys, start + moved[:n], joints)
        drawn = drawn - corners.side * moved[n : n + 2] / 2
        seen = real
        if corners.free:
            seen = (real - middle) @ turn_of(float(moved[n + 2])).T + middle + moved[n + 3 :]
        return seen, drawn

    keep = np.repeat(used, 2)

    def errors(q: Floats) -> Floats:
        seen, drawn = places(q)
        off = ((drawn - seen) / _NOISE_MM).ravel()[keep]
        # Twice the root of soft: a limit for corners alone, not for the prior.
        soft = np.sign(off) * _SOFT * np.sqrt(2 * (np.sqrt(1 + (off / _SOFT) ** 2) - 1))
        return np.concatenate([soft, q])

    try:
        found = least_squares(errors, np.zeros(len(scale)), x_scale=1.0, max_nfev=200)
    except (ValueError, np.linalg.LinAlgError) as cause:
        raise FitError("The corners fit no arm of this kind: is the kind of the machine right?") from cause
    seen, drawn = places(found.x)
    apart = np.hypot(*(seen - drawn).T)
    spread = max(1.4826 * float(np.median(apart[used])), _NOISE_MM)
    good = used & ((apart < _OUTLIER_SIGMAS * spread) | (apart < _OUTLIER_MM))
    fitted = corners.measured_mm + (drawn - seen) @ turn_of(profile.paper.rotation_deg)
    words = _open_words(np.asarray(found.jac), keys)
    new = start + (found.x * scale)[: len(keys)]
    if corners.free:
        words = [
            *words,
            "Bases and directions of the arm are those of the profile: they shift and turn the sheet.",
        ]
    return ArmFit(_with(mechanism, keys, new.round(4)), fitted, good, tuple(words))


def parameters_of(mechanism: Mechanism) -> list[tuple[str, int]]:
    """Keys and indices of the lengths, places and angles of a mechanism; joint limits are none."""
    keys = []
    for field in dataclasses.fields(mechanism):  # type: ignore[arg-type]
        value = getattr(mechanism, field.name)
        if field.name.endswith((_LENGTHS, _ANGLES)) and isinstance(value, tuple):
            keys += [(field.name, k) for k in range(len(value))]
    return keys


def _with(mechanism: Mechanism, keys: list[tuple[str, int]], values: Floats) -> Mechanism:
    changed: dict[str, list[float]] = {}
    for (key, k), value in zip(keys, values.tolist(), strict=True):
        changed.setdefault(key, list(getattr(mechanism, key)))[k] = value
    try:
        return dataclasses.replace(mechanism, **{key: tuple(v) for key, v in changed.items()})  # type: ignore[type-var]
    except ProgramError as cause:
        raise FitError(f"The fitted arm is none: {cause}") from cause


def _forward(mechanism: Mechanism, keys: list[tuple[str, int]], values: Floats, joints: Floats) -> Floats:
    """Where the tool of a changed mechanism would be; far away where it could not be."""
    try:
        places = _with(mechanism, keys, values).forward(joints)
    except FitError:
        return np.full((len(joints), 2), _FAR_MM)
    return np.nan_to_num(places, nan=_FAR_MM)


def _open_words(jacobian: Floats, keys: list[tuple[str, int]]) -> list[str]:
    """A sentence that names the parameters which kept their prior deviation (1 in the scaled unknowns)."""
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    deviation = np.sqrt(np.diag(covariance))[: len(keys)]
    names = [f"{key}[{k}]" for (key, k), left in zip(keys, deviation, strict=True) if left > _OPEN_SHARE]
    if not names:
        return []
    return [f"The chart does not tell {', '.join(names)}: they stay near the profile's values."]
