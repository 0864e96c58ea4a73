"""How is an untrusted archive unpacked safely?"""

import copy
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from prunescope.base.errors import DataError, StoreError
from prunescope.base.paths import require_room
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import on_one_line, shortened
from prunescope.results.forms import in_a_line

_CHUNK = 1 << 20
_BLOCK = 4096  # a file takes whole blocks of the disk
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may unpack to; the defaults are several times the size of Broden.

    size: bytes of all its files together; files: their number
    ratio: how many times as large as packed a file may be, if larger than a MiB
    """

    size: int = 16 << 30
    files: int = 2_000_000
    ratio: float = 100.0


def unpack(
    archive: Path,
    folder: Path,
    *,
    limits: Limits = Limits(),
    progress: Progress = SILENT,
) -> None:
    """Unpack a zip archive into a new folder: plain files and folders inside it, nothing else.

    All that the archive states is checked before the first byte is written, and each file while it
    is written. The whole archive is refused if an entry leads outside, is no plain file, occurs
    twice, is encrypted, or is larger than it states or than `limits` allow.
    Raises DataError for such an archive, or a damaged one; StoreError where the disk is full. The
    caller removes what was written until then.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _survey(archive, entries, limits)
            blocks = sum(-(-entry.file_size // _BLOCK) for entry in entries)
            require_room(folder.parent, blocks * _BLOCK, f"unpacking {archive}")
            _write_all(archive, opened, entries, folder, progress)
    except _DAMAGE as error:
        raise DataError(f"{archive} is damaged, or no zip archive: {in_a_line(error)}") from error


def _survey(archive: Path, entries: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    """Raise DataError where the table of contents of an archive is not acceptable."""
    if len(entries) > limits.files:
        raise _refused(archive, f"it holds {len(entries):,} files, of {limits.files:,} allowed")
    size = archive.stat().st_size
    if not all(0 <= entry.header_offset < size for entry in entries):
        raise _refused(archive, "its table of contents leads outside of it")
    total = sum(entry.file_size for entry in entries)
    if total > limits.size:
        raise _refused(archive, f"it unpacks to {total:,} bytes, of {limits.size:,} allowed")
    if sum(entry.compress_size for entry in entries) > size:
        raise _refused(archive, "its files overlap: together they are larger than itself")
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        if fault := _fault(entry, limits):
            raise _refused(archive, f"{_called(entry)} {fault}")
        path = PurePosixPath(_folded(entry.filename))
        if str(path) in files:
            raise _refused(archive, f"{_called(entry)} stands in it twice")
        (folders if entry.is_dir() else files).add(str(path))
        folders.update(str(parent) for parent in path.parents)
    if both := files & folders:
        raise _refused(archive, f'"{min(both)}" is both a file and a folder')


def _fault(entry: zipfile.ZipInfo, limits: Limits) -> str:
    """Return what is wrong with an entry; empty if nothing is."""
    name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
    if "\\" in name or "\0" in name or name[1:2] == ":" or name.startswith("/"):
        return "is no relative path"
    if not PurePosixPath(name).parts or ".." in PurePosixPath(name).parts:
        return "leads outside the folder"
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        return f"is {_KINDS.get(kind, 'of an unknown kind')}, not a plain file"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in _METHODS:
        return f"is packed by method {entry.compress_type}, which is not deflate"
    if entry.file_size > max(_CHUNK, limits.ratio * entry.compress_size):
        return f"unpacks from {entry.compress_size:,} to {entry.file_size:,} bytes: it is a bomb"
    return ""


def _write_all(
    archive: Path,
    opened: zipfile.ZipFile,
    entries: Sequence[zipfile.ZipInfo],
    folder: Path,
    progress: Progress,
) -> None:
    folder.mkdir()
    with progress.task(f"Unpacking {archive.name}", len(entries)) as task:
        for entry in entries:
            target = folder / entry.filename
            try:
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("xb") as file:
                        file.writelines(_chunks(archive, opened, entry))
            except OSError as error:
                raise StoreError(
                    f"{target} cannot be written: {error.strerror}; nothing is left unpacked, and "
                    f"{archive} is kept: make room, and run the same command again"
                ) from error
            task.advance()


def _chunks(archive: Path, opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a file, which must have the size that it states."""
    greedy = copy.copy(entry)
    greedy.file_size += 1  # else zipfile would stop at the stated size and hide the rest
    size = 0
    try:
        with opened.open(greedy) as packed:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > entry.file_size:
                    raise _refused(archive, f"{_called(entry)} is larger than it states")
                yield chunk
    except OSError as error:
        raise DataError(f"{archive} cannot be read: {error.strerror}") from error
    if size < entry.file_size:
        raise _refused(archive, f"{_called(entry)} is smaller than it states")


def _called(entry: zipfile.ZipInfo) -> str:
    return f'"{on_one_line(shortened(entry.filename))}"'


def _folded(name: str) -> str:
    """Return a name as a file system sees it that ignores case and normalises Unicode."""
    return unicodedata.normalize("NFC", name).casefold()


def _refused(archive: Path, why: str) -> DataError:
    return DataError(f"{archive} is refused: {why}. Nothing of it is left unpacked")
