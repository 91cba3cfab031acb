from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from strokebot.errors import DataError
from strokebot.training.data import omniglot, unipen
from strokebot.training.data.ragged import box_strokes
from strokebot.training.data.sources import LOCK_NAME, SOURCES, RemoteFile, Source, fetch
from strokebot.training.data.strokes import load_strokes

PEN = """.VERSION 1.0
.WRITER_ID anna
.COORD T X Y
.COMMENT a stem, its bar, and a hook
.PEN_DOWN
 0 100 900
 10 100 500
 20 100 100
.PEN_UP
 30 90 500
.PEN_DOWN
 40 0 600
 50 200 600
.PEN_UP
.PEN_DOWN
 60 300 500
 70 400 500
 80 400 400
.PEN_UP
"""
DATA = """.INCLUDE abc/data/one.dat
.HIERARCHY CHARACTER
.SEGMENT CHARACTER
.SEGMENT CHARACTER 0-1 OK "t"
.SEGMENT CHARACTER 2:1 ? "l"
.SEGMENT CHARACTER 0,2 BAD "x"
.SEGMENT CHARACTER 1 ? "\\""
.SEGMENT CHARACTER 7 ? "a"
.SEGMENT WORD 0-2 ? "to"
"""


def test_pen_files_are_read_by_the_definition() -> None:
    file = unipen.parse(PEN)
    assert file.writer == "anna"
    # Time comes first in this file; pen-up points belong to no component.
    assert [c.tolist() for c in file.components] == [
        [[100, 900], [100, 500], [100, 100]],
        [[0, 600], [200, 600]],
        [[300, 500], [400, 500], [400, 400]],
    ]
    segments = unipen.parse(DATA).segments
    assert [(s.label, s.quality, s.level) for s in segments] == [
        ("t", "OK", "CHARACTER"),
        ("l", "?", "CHARACTER"),
        ("x", "BAD", "CHARACTER"),
        ('"', "?", "CHARACTER"),
        ("a", "?", "CHARACTER"),
        ("to", "?", "WORD"),
    ]
    assert segments[1].parts == ((2, 1, 2, None),)


def test_segments_choose_components_and_points_and_turn_y() -> None:
    components = unipen.parse(PEN).components

    def chosen(parts: str) -> list[list[list[float]]]:
        segment = unipen.parse(f'.SEGMENT CHARACTER {parts} ? "x"').segments[0]
        return [s.tolist() for s in unipen.strokes_of(components, segment)]

    assert chosen("1") == [[[0, -600], [200, -600]]]
    assert chosen("0:1-1:0") == [[[100, -500], [100, -100]], [[0, -600]]]
    assert chosen("0,2") == [chosen("0")[0], chosen("2")[0]]
    assert chosen("2-3") == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (".PEN_DOWN\n1 2\n3\n", "not a point"),
        (".PEN_DOWN\n1 two\n", "not a point"),
        (".COORD P T\n", "no X and Y"),
        ('.SEGMENT CHARACTER a-b ? "x"\n', "parts 'a-b'"),
    ],
)
def test_broken_pen_files_are_refused(text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        unipen.parse(text)


def unipen_archive(path: Path) -> Path:
    files = {
        "train/data/1c/abc/one.dat": DATA,
        "train/data/6/abc/two.dat": DATA,
        "train/data/1d/abc/three.dat": DATA,
        "train/include/abc/data/one.dat": PEN,
        "train/include/abc/data/other.dat": "not read",
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_the_release_becomes_stroke_sets(tmp_path: Path) -> None:
    counts = unipen.convert(unipen_archive(tmp_path / "u.tgz"), tmp_path)
    assert counts == {"unipen_lower": 2, "unipen_words": 1}
    lower = load_strokes(tmp_path, "unipen_lower")
    assert lower.label.tolist() == ["t", "l"]
    assert lower.writer.tolist() == ["unipen/abc/anna"] * 2
    # The stem from top to bottom, then the bar: longer side 1000, y down.
    stem, bar = lower.strokes(0)
    assert stem.tolist() == [[125, 0], [125, 500], [125, 1000]]
    assert bar.tolist() == [[0, 375], [250, 375]]
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    with pytest.raises(DataError, match="no UNIPEN"):
        unipen.convert(tmp_path / "empty.tgz", tmp_path)
    (tmp_path / "broken.tgz").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="Cannot read the archive"):
        unipen.convert(tmp_path / "broken.tgz", tmp_path)


OMNIGLOT = "START\n10.0,-20.0,0.0\n10.0,-60.0,50.0\nBREAK\n30.0,-40.0,90.0\nBREAK\n"


def omniglot_archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("strokes/Greek/character02/0201_07.txt", OMNIGLOT)
        bundle.writestr("strokes/Greek/character01/0101_20.txt", "START\n1,-1,0\n2,-1,9\nBREAK\n")
        bundle.writestr("__MACOSX/Greek/character01/0101_20.txt", "junk")
    return path


def test_omniglot_becomes_a_stroke_set(tmp_path: Path) -> None:
    assert omniglot.convert(omniglot_archive(tmp_path / "o.zip"), tmp_path) == {"omniglot": 2}
    data = load_strokes(tmp_path, "omniglot")
    assert data.label.tolist() == ["Greek/character01", "Greek/character02"]
    assert data.writer.tolist() == ["omniglot/Greek/20", "omniglot/Greek/7"]
    assert [s.tolist() for s in data.strokes(1)] == [[[0, 0], [0, 1000]], [[500, 500]]]
    for text, match in (("START\n1;2\n", "not a point"), ("START\nBREAK\n", "no stroke")):
        with pytest.raises(DataError, match=match):
            omniglot.parse(text)
    (tmp_path / "broken.zip").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="Cannot read the archive"):
        omniglot.convert(tmp_path / "broken.zip", tmp_path)


def test_boxing_thins_and_keeps_ends() -> None:
    line = np.column_stack([np.linspace(0, 5, 1001), np.zeros(1001)])
    boxed = box_strokes([line])[0]
    assert 90 <= len(boxed) <= 102
    assert boxed[0].tolist() == [0, 0]
    assert boxed[-1].tolist() == [1000, 0]
    assert [b.tolist() for b in box_strokes([np.array([[3.0, 4.0]])])] == [[[0, 0]]]
    with pytest.raises(DataError, match="at least one stroke"):
        box_strokes([])


def plain(tmp_path: Path, content: bytes, checksum: str | None, unpacked: bool = False) -> Source:
    """A source whose first mirror is gone and whose second is a file."""
    remote = tmp_path / "remote.bin"
    remote.write_bytes(content)
    urls = ((tmp_path / "gone").as_uri(), remote.as_uri())
    return Source("x", "x", "none", "page", (RemoteFile("x.bin", urls, checksum, unpacked),))


MD5_OF_HELLO = "md5:5d41402abc4b2a76b9719d911017c592"


def test_fetch_tries_mirrors_checks_and_leaves_what_is_there(tmp_path: Path) -> None:
    source, folder = plain(tmp_path, b"hello", MD5_OF_HELLO), tmp_path / "new" / "data"
    lines: list[str] = []
    assert fetch("x", folder, lines.append, source) == [folder / "x.bin"]
    assert (folder / "x.bin").read_bytes() == b"hello"
    assert sum("file:" in line for line in lines) == 2
    assert [p.name for p in folder.iterdir()] == ["x.bin"]
    (folder / "x.bin").write_bytes(b"mine")
    fetch("x", folder, lines.append, source)
    assert (folder / "x.bin").read_bytes() == b"mine"
    assert "already there" in lines[-1]


def test_a_changed_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with pytest.raises(DataError, match=r"damaged or was changed.*5d41402a"):
        fetch("x", folder, source=plain(tmp_path, b"hellO", MD5_OF_HELLO))
    assert list(folder.iterdir()) == []


def test_checksums_of_unpacked_content(tmp_path: Path) -> None:
    for level in (1, 9):
        folder = tmp_path / str(level)
        fetch(
            "x", folder, source=plain(tmp_path, gzip.compress(b"hello", level), MD5_OF_HELLO, unpacked=True)
        )
        assert (folder / "x.bin").is_file()
    with pytest.raises(DataError, match="damaged"):
        fetch("x", tmp_path / "bad", source=plain(tmp_path, b"hello", MD5_OF_HELLO, unpacked=True))


def test_trust_on_first_use(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    lines: list[str] = []
    fetch("x", folder, lines.append, plain(tmp_path, b"hello", None))
    lock = folder / LOCK_NAME
    kept = json.loads(lock.read_text())["x.bin"]
    assert kept.startswith("sha256:2cf24dba")
    assert any(kept in line for line in lines)
    (folder / "x.bin").unlink()
    with pytest.raises(DataError, match="damaged or was changed"):
        fetch("x", folder, source=plain(tmp_path, b"other", None))
    fetch("x", folder, source=plain(tmp_path, b"hello", None))
    lock.write_text("{")
    (folder / "x.bin").unlink()
    with pytest.raises(DataError, match="Delete it"):
        fetch("x", folder, source=plain(tmp_path, b"hello", None))


def test_offline_says_what_to_do(tmp_path: Path) -> None:
    source = Source("x", "x", "none", "page", (RemoteFile("x.bin", ((tmp_path / "gone").as_uri(),)),))
    with pytest.raises(DataError, match=r"check the connection.*put x\.bin into") as caught:
        fetch("x", tmp_path / "data", source=source)
    assert "\n" not in str(caught.value)


def test_fetch_converts(tmp_path: Path) -> None:
    archive = omniglot_archive(tmp_path / "o.zip")
    file = SOURCES["omniglot"].files[0]
    local = RemoteFile(file.name, (archive.as_uri(),), None, False, file.convert, file.makes)
    folder = tmp_path / "data"
    made = fetch("omniglot", folder, source=Source("omniglot", "", "", "", (local,)))
    assert [p.name for p in made] == ["omniglot_small1_strokes.npz"]
    assert len(load_strokes(folder, "omniglot")) == 2
    assert sorted(p.name for p in folder.iterdir()) == ["omniglot_small1_strokes.npz", LOCK_NAME]
    pens = RemoteFile(
        "u.tgz", (unipen_archive(tmp_path / "u.tgz").as_uri(),), None, False, unipen.convert, ("no.npz",)
    )
    with pytest.raises(DataError, match=r"nothing for no\.npz"):
        fetch("unipen", folder, source=Source("unipen", "", "", "", (pens,)))


def test_every_source_is_complete() -> None:
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.licence
        assert source.page.startswith("http")
        assert bool(source.files) != bool(source.by_hand)
        for file in source.files:
            assert all(url.startswith("https://") for url in file.urls)
    with pytest.raises(DataError, match="mnist, unipen"):
        fetch("nosuch", Path())
    with pytest.raises(DataError, match=r"az_upper\.npz"):
        fetch("letters", Path())
