"""In which ways can what lies in a run folder be damaged, and what is hit?"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

PRECIOUS = b"somebody else's"
_FAR = (1.0, 86_400.0 * 365 * 100)  # seconds since 1970: then, and about 2070


@dataclass(frozen=True)
class Damage:
    """What was done: the kind, and the path it was done to."""

    kind: str
    path: Path


def damage_something(run: Path, aside: Path, chance: Random) -> Damage:
    """Damage one file or folder of a run in one way; every kind of file is hit equally often.

    aside: a new folder for what links lead to. What lies in it at a path that ends in "precious"
    is no part of the study, and must stay.
    """
    kind = chance.choice([*_OF_FILES, *_OF_FOLDERS, "file times wrong"])
    if kind == "file times wrong":
        _set_times(run, chance)
        return Damage(kind, run)
    aside.mkdir()
    folders = [path for path in run.rglob("*") if path.is_dir() and not path.is_symlink()]
    if kind in _OF_FOLDERS and folders:
        path = chance.choice(sorted(folders))
        _OF_FOLDERS[kind](path, aside, chance)
    else:
        kind = kind if kind in _OF_FILES else "file deleted"
        path = _a_file(run, chance)
        _OF_FILES[kind](path, aside, chance)
    return Damage(kind, path)


def _a_file(run: Path, chance: Random) -> Path:
    """Choose a kind of file first: there are many figures, and one study.yaml."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(run.rglob("*")):
        if path.is_file() and not path.is_symlink():
            area = path.relative_to(run).parts[0]
            name = area if area in ("figures", "report", ".work") else path.name
            kinds.setdefault(name, []).append(path)
    return chance.choice(kinds[chance.choice(sorted(kinds))])


def _truncate(path: Path, _: Path, chance: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.randrange(max(1, path.stat().st_size)))


def _flip(path: Path, _: Path, chance: Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _zero(path: Path, _: Path, chance: Random) -> None:
    """Put zeros in place of a block, as a file system may after a power cut."""
    content = bytearray(path.read_bytes())
    start = chance.randrange(max(1, len(content))) // 512 * 512
    end = min(len(content), start + 4096)
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])


def _delete(path: Path, _: Path, __: Random) -> None:
    path.unlink()


def _replace_by_folder(path: Path, _: Path, chance: Random) -> None:
    path.unlink()
    path.mkdir()
    if chance.random() < 0.5:
        (path / "file").write_bytes(PRECIOUS)


def _replace_by_link(path: Path, aside: Path, chance: Random) -> None:
    """Put a link in place of a file: to it, elsewhere; to another file; to nothing; to itself."""
    target = aside / path.name
    path.rename(target)
    match chance.randrange(4):
        case 1:
            target.unlink()
            target = aside / "precious"
            target.write_bytes(PRECIOUS)
        case 2:
            target = aside / "nowhere"
        case 3:
            target = path
    path.symlink_to(target)


def _delete_folder(path: Path, _: Path, __: Random) -> None:
    shutil.rmtree(path)


def _empty_folder(path: Path, _: Path, __: Random) -> None:
    shutil.rmtree(path)
    path.mkdir()


def _replace_by_file(path: Path, _: Path, __: Random) -> None:
    shutil.rmtree(path)
    path.write_bytes(PRECIOUS)


def _replace_folder_by_link(path: Path, aside: Path, chance: Random) -> None:
    """Put a link in place of a folder: to it, elsewhere; to another folder; to nothing."""
    target = aside / path.name
    shutil.move(path, target)
    match chance.randrange(3):
        case 1:
            target = aside / "other"
            target.mkdir()
            (target / "precious").write_bytes(PRECIOUS)
        case 2:
            target = aside / "nowhere"
    path.symlink_to(target)


def _set_times(run: Path, chance: Random) -> None:
    """Set the times of some files and folders to long ago, and of some to the far future."""
    for path in [run, *run.rglob("*")]:
        if chance.random() < 0.7:
            os.utime(path, (chance.choice(_FAR),) * 2, follow_symlinks=False)


Way = Callable[[Path, Path, Random], None]

_OF_FILES: dict[str, Way] = {
    "file truncated": _truncate,
    "bit flipped": _flip,
    "block zeroed": _zero,
    "file deleted": _delete,
    "file replaced by a folder": _replace_by_folder,
    "file replaced by a link": _replace_by_link,
}
_OF_FOLDERS: dict[str, Way] = {
    "folder deleted": _delete_folder,
    "folder emptied": _empty_folder,
    "folder replaced by a file": _replace_by_file,
    "folder replaced by a link": _replace_folder_by_link,
}
DAMAGES = (*_OF_FILES, *_OF_FOLDERS, "file times wrong")
