import pytest

from calibration.profile import Profile


@pytest.fixture(autouse=True, scope="session")
def _shipped_profiles_only(tmp_path_factory):
    """Tests see the shipped profiles alone, whatever the user keeps at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def profile(_shipped_profiles_only) -> Profile:
    return Profile.load("grbl-z")
