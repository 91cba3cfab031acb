import pytest

from calibration.pen import PenModel
from calibration.profile import Profile


@pytest.fixture(autouse=True, scope="session")
def _no_own_profiles(tmp_path_factory):
    """Tests see the shipped profiles alone, whatever the user keeps at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def profile() -> Profile:
    return Profile.load("grbl-z")


@pytest.fixture
def pen(profile: Profile) -> PenModel:
    return profile.pen
