import sys
from pathlib import Path

import pytest

from calibration.profile import Profile

# The tests of this room share the shapes in trajectory_shapes.py, and the benchmark's check and solver.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[3])]


@pytest.fixture(autouse=True, scope="session")
def _shipped_profiles_only(tmp_path_factory):
    """Tests see the shipped profiles alone, whatever the user keeps at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def profile(_shipped_profiles_only) -> Profile:
    return Profile.load("grbl-z")
