"""What stays white is wide, and a course around it leaves nothing else out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, gaussian_filter

from strokebot.tone.course import scan
from strokebot.tone.white import white_regions, without_white

SPACING = 4.0


def clouds(seed: int) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(90, 120)), 8.0)
    return np.clip(0.3 + noise / noise.std() * 0.3, 0.0, 1.0).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), white=st.floats(0.0, 0.6))
def test_regions_are_light_and_grow_with_the_white_point(seed: int, white: float) -> None:
    tone = clouds(seed)
    region = white_regions(tone, SPACING, white)
    assert gaussian_filter(tone, SPACING / 2, mode="nearest")[region].mean() < white if region.any() else True
    assert region.sum() <= white_regions(tone, SPACING, white + 0.2).sum()


def test_a_gap_narrower_than_three_lines_and_a_small_hole_are_drawn_over() -> None:
    tone = np.full((100, 100), 0.5, dtype=np.float32)
    tone[:, 40 : 40 + int(2.4 * SPACING)] = 0.0
    tone[10:22, 70:82] = 0.0
    assert not white_regions(tone, SPACING, 0.02).any()
    tone[:, 40:60] = 0.0
    assert white_regions(tone, SPACING, 0.02)[50, 50]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_every_place_of_the_course_is_drawn_or_white(seed: int) -> None:
    tone = clouds(seed)
    region = white_regions(tone, SPACING, 0.25)
    course = scan(120, 90, SPACING, 1.0)
    pieces = without_white(course, region, (1.0, 1.0), SPACING, 1.0)
    places = np.concatenate([piece[:, :2] for piece in pieces]) if pieces else np.zeros((0, 2))
    kept = {(round(x, 6), round(y, 6)) for x, y in places.tolist()}
    left_out = [p for p in course[0][:, :2].tolist() if (round(p[0], 6), round(p[1], 6)) not in kept]
    # But for runs too short to be one.
    drawn_over = [p for p in left_out if not region[min(int(p[1]), 89), min(int(p[0]), 119)]]
    assert len(drawn_over) <= 0.02 * len(course[0])
    # Links may cut a corner of a region, no more.
    cells = np.clip(places[:, 1].astype(int), 0, 89), np.clip(places[:, 0].astype(int), 0, 119)
    assert distance_transform_edt(region)[cells].max(initial=0.0) <= 1.25 * SPACING + 1.5
