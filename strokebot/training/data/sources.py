"""Where each data set comes from, under which licence, and how to fetch it: ``strokebot data``.

A download goes to a temporary file beside its place, is checked against its checksum, and
only then renamed into place. Where the publisher states no checksum, that of the first
download is written into ``strokebot-data.lock.json`` in the data folder (trust on first
use) and every later download must agree with it.

MNIST's checksums are of the UNPACKED files, so a mirror may pack them anew.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from strokebot.errors import DataError
from strokebot.files import write_atomic
from strokebot.training.data import hanzi, kanjivg, omniglot, unipen
from strokebot.training.data.strokes import STROKE_FILES

Report = Callable[[str], None]
Convert = Callable[[Path, Path], dict[str, int]]

LOCK_NAME = "strokebot-data.lock.json"
_TIMEOUT_S = 60.0
_BLOCK = 1 << 20
_AGENT = "strokebot"


@dataclass(frozen=True)
class RemoteFile:
    """One download.

    Attributes:
        name: its file name in the data folder.
        urls: mirrors, tried in order.
        checksum: "sha256:..." or "md5:..." as its publisher or users state it, or None.
        unpacked: whether the checksum is of the content after gunzip.
        convert: turns the archive into the files of ``makes``; None if it is used as it is.
        makes: files that the conversion writes; with them there, nothing is fetched.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str | None = None
    unpacked: bool = False
    convert: Convert | None = None
    makes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One data set.

    Attributes:
        name: what ``fetch`` calls it.
        title: what it is.
        licence: its terms, as its publisher states them.
        page: where a person can read about it.
        files: what to download; empty for a set that must be put into the folder by hand.
        by_hand: what to do for a set without files.
    """

    name: str
    title: str
    licence: str
    page: str
    files: tuple[RemoteFile, ...] = ()
    by_hand: str = ""


def _extract_emnist(archive: Path, folder: Path) -> dict[str, int]:
    """Takes the balanced and the letters files of EMNIST's zip out of it."""
    counts = {}
    try:
        with zipfile.ZipFile(archive) as bundle:
            for member in bundle.namelist():
                name = PurePosixPath(member).name
                if name.startswith(("emnist-letters-", "emnist-balanced-")) and name.endswith(".gz"):
                    write_atomic(folder / name, bundle.read(member))
                    counts[name] = 1
    except (OSError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(f"Cannot read the archive {archive}: {cause}. Fetch it again.") from cause
    if not counts:
        raise DataError(f"{archive} holds no EMNIST files; it is another file.")
    return counts


def _mnist_file(name: str, sha256: str) -> RemoteFile:
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    return RemoteFile(
        f"{name}.gz", tuple(f"{m}{name}.gz" for m in mirrors), f"sha256:{sha256}", unpacked=True
    )


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "mnist",
            "MNIST: 70,000 digits",
            "CC BY-SA 3.0, Y. LeCun and C. Cortes",
            "http://yann.lecun.com/exdb/mnist/",
            (
                _mnist_file(
                    "train-images-idx3-ubyte",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                ),
                _mnist_file(
                    "train-labels-idx1-ubyte",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
                _mnist_file(
                    "t10k-images-idx3-ubyte",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                ),
                _mnist_file(
                    "t10k-labels-idx1-ubyte",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            ),
        ),
        Source(
            "unipen",
            "UNIPEN train_r01_v07: pen strokes of digits, letters and words",
            "CC BY 4.0 as Zenodo states it; a notice inside the archive grants use for research"
            " and forbids to distribute the data for commercial purposes",
            "https://doi.org/10.5281/zenodo.1195803",
            (
                RemoteFile(
                    "unipen-CDROM-train_r01_v07.tgz",
                    (
                        "https://zenodo.org/api/records/1195803/files/unipen-CDROM-train_r01_v07.tgz/content",
                        "https://zenodo.org/records/1195803/files/unipen-CDROM-train_r01_v07.tgz",
                    ),
                    convert=unipen.convert,
                    makes=tuple(STROKE_FILES[name] for name, _, _ in unipen.CATEGORIES.values()),
                ),
            ),
        ),
        Source(
            "omniglot",
            "Omniglot, small background set 1: pen strokes of five alphabets",
            "MIT, B. Lake",
            "https://github.com/brendenlake/omniglot",
            (
                RemoteFile(
                    "strokes_background_small1.zip",
                    (
                        "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
                        "strokes_background_small1.zip",
                    ),
                    convert=omniglot.convert,
                    makes=(STROKE_FILES["omniglot"],),
                ),
            ),
        ),
        Source(
            "kanjivg",
            "KanjiVG: 6,703 Japanese characters as strokes in order",
            "CC BY-SA 3.0, U. Apel",
            "https://kanjivg.tagaini.net",
            (
                RemoteFile(
                    "kanjivg-20260714-py3-none-any.whl",
                    (
                        "https://files.pythonhosted.org/packages/16/72/b91cc2776df3bfca5a483c10b599bc20"
                        "7c25c74feb760ad31db41e99178c/kanjivg-20260714-py3-none-any.whl",
                    ),
                    "sha256:5190e7ec4eb513dbe6865b2ed52c58287fc10ea514b9409e4cf66ce7db41644d",
                    convert=kanjivg.convert,
                    makes=(STROKE_FILES["kanjivg"],),
                ),
            ),
        ),
        Source(
            "hanzi",
            "hanzi-writer-data: 9,574 Chinese characters as strokes in order",
            "Arphic Public License, from Make Me a Hanzi",
            "https://github.com/chanind/hanzi-writer-data",
            (
                RemoteFile(
                    "hanzi-writer-data-2.0.1.tgz",
                    ("https://registry.npmjs.org/hanzi-writer-data/-/hanzi-writer-data-2.0.1.tgz",),
                    "sha256:72baf3d82b114e60d6e40ea05f24d2262a05cd39d544e2f322ba2fceb7beff15",
                    convert=hanzi.convert,
                    makes=(STROKE_FILES["hanzi"],),
                ),
            ),
        ),
        Source(
            "emnist",
            "EMNIST: 814,255 characters (536 MB; the letters and balanced sets are taken out)",
            "public domain, NIST; G. Cohen et al., 2017",
            "https://www.nist.gov/itl/products-and-services/emnist-dataset",
            (
                RemoteFile(
                    "emnist-gzip.zip",
                    ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
                    "md5:58c8d27c78d21e728a6bc7b3cc06412e",
                    convert=_extract_emnist,
                    makes=tuple(
                        f"emnist-{subset}-{split}-{kind}-ubyte.gz"
                        for subset in ("letters", "balanced")
                        for split in ("train", "test")
                        for kind in ("images-idx3", "labels-idx1")
                    ),
                ),
            ),
        ),
        Source(
            "letters",
            "capitals of NIST SD19, a sample of 28 x 28 images",
            "public domain, NIST",
            "https://www.nist.gov/srd/nist-special-database-19",
            by_hand="save images (N, 28, 28) uint8 with ink 255 and labels 0 to 25 as az_upper.npz",
        ),
        Source(
            "usps",
            "USPS: 2,007 test digits of 16 x 16",
            "free for research",
            "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html",
            by_hand="save images (N, 16, 16) uint8 with ink 255 and labels 0 to 9 as usps_test.npz",
        ),
    )
}


def fetch(name: str, folder: Path, report: Report | None = None, source: Source | None = None) -> list[Path]:
    """Brings a data set into a folder; what is there already is left as it is.

    Args:
        name: a key of ``SOURCES``.
        folder: the data folder; it is made if missing.
        report: called with a line of text as something happens.
        source: another source than the one in ``SOURCES``.

    Returns:
        The files of the set.

    Raises:
        DataError: if the set is unknown or has no download, no mirror answers, a checksum
            differs, or an archive cannot be converted.
    """
    say = report or (lambda _: None)
    source = SOURCES.get(name) if source is None else source
    if source is None:
        raise DataError(f"There is no data set '{name}'; name one of: {', '.join(SOURCES)}.")
    if not source.files:
        raise DataError(f"{name} has no download ({source.page}); {source.by_hand}.")
    made: list[Path] = []
    for file in source.files:
        results = [folder / each for each in (file.makes or (file.name,))]
        if all(path.is_file() for path in results):
            say(f"{file.name}: already there")
        else:
            _bring(file, folder, say)
        made += results
    return made


def _bring(file: RemoteFile, folder: Path, say: Report) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as place:
        archive = Path(place) / file.name
        _download(file, archive, folder, say)
        _check(file, archive, folder, say)
        if file.convert is None:
            archive.replace(folder / file.name)
            return
        say(f"{file.name}: converting")
        for what, count in file.convert(archive, folder).items():
            say(f"{what}: {count}")
        missing = [each for each in file.makes if not (folder / each).is_file()]
        if missing:
            raise DataError(f"{file.name} holds nothing for {missing[0]}; it is another file.")


def _download(file: RemoteFile, target: Path, folder: Path, say: Report) -> None:
    reason = "no address is known"
    for url in file.urls:
        say(f"{file.name}: {url}")
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer, target.open("wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
            return
        except (urllib.error.URLError, HTTPException, OSError) as cause:
            reason = str(getattr(cause, "reason", "") or cause)
    raise DataError(
        f"Cannot fetch {file.name} ({reason}); check the connection, or fetch it elsewhere"
        f" and put {' and '.join(file.makes or (file.name,))} into {folder}."
    )


def _check(file: RemoteFile, archive: Path, folder: Path, say: Report) -> None:
    """Compares a download with its checksum, or with the one of the first download."""
    lock = folder / LOCK_NAME
    known = _read_lock(lock)
    wanted = file.checksum or known.get(file.name)
    kind = wanted.partition(":")[0] if wanted else "sha256"
    have = f"{kind}:{_digest(archive, kind, file.unpacked)}"
    if wanted is None:
        say(f"{file.name}: {have}, kept in {LOCK_NAME} since its publisher states no checksum")
        write_atomic(lock, (json.dumps(known | {file.name: have}, indent=2, sort_keys=True) + "\n").encode())
    elif have != wanted:
        raise DataError(f"{file.name} is damaged or was changed: its checksum is {have}, not {wanted}.")


def _digest(path: Path, kind: str, unpacked: bool) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    try:
        with gzip.open(path) if unpacked else path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except (OSError, EOFError, zlib.error) as cause:
        raise DataError(f"{path.name} is damaged: {cause}. Fetch it again.") from cause
    return digest.hexdigest()


def _read_lock(lock: Path) -> dict[str, str]:
    if not lock.is_file():
        return {}
    try:
        table = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise DataError(f"Cannot read {lock}: {cause}. Delete it to trust the next download.") from cause
    if not isinstance(table, dict) or not all(isinstance(v, str) and ":" in v for v in table.values()):
        raise DataError(f"{lock} is damaged. Delete it to trust the next download.")
    return table
