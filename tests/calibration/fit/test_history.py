from dataclasses import replace

import pytest

from calibration.errors import ProfileError
from calibration.fit.history import KEPT, save_profile, undo
from calibration.profile import Profile, user_directory


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def version(number):
    plain = Profile.load("grbl-z")
    return replace(plain, pen=replace(plain.pen, draw_speed_mm_s=10.0 + number))


def test_each_undo_goes_one_save_back():
    for k in range(4):
        save_profile("mine", version(k))
    assert Profile.load("mine").pen.draw_speed_mm_s == 13.0
    for k in (2, 1, 0):
        assert "again what it was" in undo("mine")
        assert Profile.load("mine").pen.draw_speed_mm_s == 10.0 + k
    assert "none before" in undo("mine")
    assert list(user_directory().iterdir()) == []
    with pytest.raises(ProfileError, match="nothing to undo"):
        undo("mine")


def test_a_shipped_profile_comes_back():
    shipped = Profile.load("grbl-z")
    save_profile("grbl-z", version(5))
    assert Profile.load("grbl-z") != shipped
    assert "shipped" in undo("grbl-z")
    assert Profile.load("grbl-z") == shipped


def test_only_so_many_former_files_are_kept_and_names_stay_clean():
    for k in range(KEPT + 4):
        save_profile("mine", version(k))
    assert len(list(user_directory().iterdir())) == KEPT + 1
    assert [name for name in Profile.names() if name.startswith("mine")] == ["mine"]


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "mine.toml", ".hidden", "a b"])
def test_names_that_are_no_file_names_are_refused(name):
    with pytest.raises(ProfileError, match="no name"):
        save_profile(name, version(0))


def test_a_damaged_former_file_changes_nothing():
    save_profile("mine", version(0))
    path = save_profile("mine", version(1))
    path.with_name("mine.toml.1").write_text("nonsense = [", encoding="utf-8")
    with pytest.raises(ProfileError):
        undo("mine")
    assert Profile.load("mine") == version(1)
    assert path.with_name("mine.toml.1").exists()


def test_a_directory_that_cannot_be_written_is_put_into_words(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(blocked))
    with pytest.raises(ProfileError, match="Cannot save"):
        save_profile("mine", version(0))
