import itertools

import numpy as np
import pytest

from calibration.chart.fiducial import CODE_DISTANCE, CODES, MODULES, code_modules, dark_runs, modules
from calibration.errors import ChartError


def turned(code):
    """All rotations and mirror images of a code, the code itself first."""
    return [np.rot90(c, k) for c in (code, code.T) for k in range(4)]


def test_codes_differ_in_every_rotation_and_mirrored():
    codes = [code_modules(k) for k in range(len(CODES))]
    for code in codes:
        own = turned(code)
        assert min(int((own[0] != other).sum()) for other in own[1:]) >= CODE_DISTANCE
    for a, b in itertools.combinations(codes, 2):
        assert min(int((a != other).sum()) for other in turned(b)) >= CODE_DISTANCE


@pytest.mark.parametrize("number", range(len(CODES)))
def test_the_runs_cover_the_dark_modules_once(number):
    count = np.zeros((MODULES, MODULES), dtype=int)
    for x0, y0, x1, y1 in dark_runs(number):
        count[MODULES - int(y1) : MODULES - int(y0), int(x0) : int(x1)] += 1
    np.testing.assert_array_equal(count, modules(number).astype(int))


def test_a_figure_has_a_dark_frame_and_other_numbers_are_refused():
    figure = modules(0)
    assert figure[0].all()
    assert figure[-1].all()
    assert figure[:, 0].all()
    assert figure[:, -1].all()
    for number in (-1, len(CODES)):
        with pytest.raises(ChartError, match=f"no fiducial {number}"):
            modules(number)
