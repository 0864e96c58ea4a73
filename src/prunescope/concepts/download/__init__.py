"""How is Broden downloaded, and how is it checked to be complete and unchanged?"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from prunescope.base.errors import ConfigError, DataError, RunBusyError
from prunescope.base.files import hash_file, process_mark, write_atomically
from prunescope.base.lock import blaming, check_held, only_writer
from prunescope.base.paths import require_place
from prunescope.base.progress import SILENT, Progress, Watched
from prunescope.base.text import shortened
from prunescope.concepts.contents import status_of
from prunescope.concepts.download.archive import unpack
from prunescope.concepts.download.fetch import Patience, fetch
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.totals import count_pixels, known_pixels, pixel_disagreements
from prunescope.results.forms import COUNT, TEXT, Each, Fields
from prunescope.results.reading import read_form

PUBLISHED = "http://netdissect.csail.mit.edu/data/"
"""Where the authors of Network Dissection publish Broden."""

RESOLUTIONS = (224, 227, 384)
_RECORD = "download.json"
_RECORD_FORM: Fields = {
    **{"archive": TEXT, "source": TEXT, "sha256": TEXT, "images": COUNT},
    "pixels": Each(COUNT),
}
_UNPACKED = "unpacked"
_COPIES = 2  # the archive and its unpacked content, which is hardly larger


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A downloaded set, and where it came from.

    archive: the name of the archive; source: its address or path; sha256: of its content
    images: rows with labels
    pixels: counts in the label maps, which agreed with the published totals; empty for a set whose
        totals are unknown, that is any but Broden 1 at 224 or 227
    """

    archive: str
    source: str
    sha256: str
    images: int
    pixels: dict[str, int]


def download_broden(
    out: Path,
    *,
    source: str | None = None,
    resolution: int = 224,
    patience: Patience = Patience(),  # noqa: B008  # frozen
    progress: Progress = SILENT,
) -> tuple[Downloaded, bool]:
    """Download Broden into the folder `out`; return its record, and whether it was there before.

    source: an archive on this disk or its address; or a folder on this disk or a server that holds
        `broden1_<resolution>.zip`. None stands for the authors' server.
    resolution: 224, 227 or 384 pixels across.
    The folder appears when it is complete. Until then everything is kept in `<out>.download`, where
    an interrupted download resumes. Label maps are counted if `known_pixels` has totals for them.
    Raises ConfigError for a source, a resolution or a folder that cannot be used; DataError for an
    archive that is damaged, unsafe or not Broden's; DownloadError and StoreError as `fetch` does.
    """
    origin = _origin(source, resolution)
    out = out.expanduser().absolute()
    if (present := _already(out, origin)) is not None:
        return present, True
    require_place(out)
    with _workshop(out, progress) as (work, look):
        progress = Watched(progress, look)
        archive = work / origin.name if origin.remote else Path(origin.source)
        if not archive.exists():
            fetch(origin.source, archive, copies=_COPIES, patience=patience, progress=progress)
        try:
            root, downloaded = _prepare(archive, origin, _unpacked(work), progress)
        except DataError as error:
            if not origin.remote:
                raise
            archive.unlink()
            raise DataError(f"{error} (fetched from {origin.source}, and removed again)") from error
        os.sync()  # the folder must not appear before its files are safe
        look()
        root.replace(out)
        if origin.remote:
            archive.unlink()
    return downloaded, False


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """The name of an archive, and where it comes from."""

    name: str
    source: str
    remote: bool


def _origin(source: str | None, resolution: int) -> _Origin:
    if resolution not in RESOLUTIONS:
        allowed = ", ".join(map(str, RESOLUTIONS))
        raise ConfigError(f"resolution is {resolution}, but Broden is published at {allowed}")
    source = PUBLISHED if source is None else source
    name = f"broden1_{resolution}.zip"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        return _remote(source, name)
    path = Path(source).expanduser().absolute()
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(
            f"there is no file {path}: give the address or the path of an archive, or of the "
            f"folder that holds {name}"
        )
    return _Origin(name=path.name, source=str(path), remote=False)


def _remote(url: str, name: str) -> _Origin:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _no_address(url) from error
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        raise _no_address(url)
    if parts.path.lower().endswith(".zip"):
        name = re.sub(r"[^\w.-]", "_", parts.path.rpartition("/")[2])
        return _Origin(name=name, source=url, remote=True)
    if parts.query:
        return _Origin(name="archive.zip", source=url, remote=True)
    return _Origin(name=name, source=f"{url.rstrip('/')}/{name}", remote=True)


def _no_address(url: str) -> ConfigError:
    return ConfigError(f"{url} is no address to fetch from: give one in http:// or https://")


def _already(out: Path, origin: _Origin) -> Downloaded | None:
    """Return the record of a folder that holds this download; None if the folder is empty."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        present = Downloaded(**read_form(out / _RECORD, _RECORD_FORM))
    except (DataError, TypeError):
        raise ConfigError(
            f"{out} holds something that was not downloaded: give another folder, or, if it is a "
            f"set in Broden's layout, use it as broden:{out}"
        ) from None
    if present.archive != origin.name:
        raise ConfigError(
            f"{out} holds {shortened(present.archive)}, not {origin.name}: give another folder"
        )
    return present


@contextmanager
def _workshop(out: Path, progress: Progress) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Lock the working folder of a download; it is kept afterwards only if an archive is in it.

    Gives the folder, and what raises RunBusyError where another machine has taken it over.
    """
    work = out.with_name(f"{out.name}.download")
    work.mkdir(parents=True, exist_ok=True)
    lock = work / "lock"
    with only_writer(lock, say=progress.say) as token:
        for abandoned in work.glob(f"{_UNPACKED}*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        look = partial(check_held, lock, token)
        try:
            with blaming(lock, token):
                yield work, look
        finally:
            shutil.rmtree(_unpacked(work), ignore_errors=True)
            with suppress(RunBusyError):
                look()
                if not any(work.glob("*.zip*")):
                    shutil.rmtree(work, ignore_errors=True)


def _unpacked(work: Path) -> Path:
    """Return the folder into which this process unpacks."""
    return work / f"{_UNPACKED}.{process_mark()}"


def _prepare(
    archive: Path, origin: _Origin, unpacked: Path, progress: Progress
) -> tuple[Path, Downloaded]:
    """Unpack an archive, check the set in it, and record where it is from."""
    unpack(archive, unpacked, progress=progress)
    root = _root(archive, unpacked)
    try:
        concepts = BrodenFolder.open(root, name=origin.name)
        for path, where in concepts.files():
            status_of(path, where)
        shapes = set(zip(*(concepts.rows[name].to_pylist() for name in ("sh", "sw")), strict=True))
        expected = known_pixels(concepts, shapes)
        pixels = count_pixels(concepts, expected, progress=progress) if expected else {}
    except DataError as error:
        raise DataError(f"{archive} holds no sound set in Broden's layout: {error}") from error
    if problems := pixel_disagreements(pixels, expected):
        raise DataError(f"{archive} is not Broden as it was published: {'; '.join(problems)}")
    downloaded = Downloaded(
        archive=origin.name,
        source=origin.source,
        sha256=hash_file(archive),
        images=len(concepts.images),
        pixels=pixels,
    )
    write_atomically(root / _RECORD, json.dumps(asdict(downloaded), indent=2).encode())
    return root, downloaded


def _root(archive: Path, folder: Path) -> Path:
    indices = [*folder.glob("index.csv"), *folder.glob("*/index.csv")]
    if len(indices) != 1:
        raise DataError(f"{archive} holds {len(indices)} index.csv, but must hold one, of one set")
    return indices[0].parent
