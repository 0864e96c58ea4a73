"""How is a folder written whole, or not at all?"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prunescope.base.errors import ConfigError
from prunescope.base.files import process_mark, sync
from prunescope.base.paths import resolved


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; when the block ends well, it replaces `path`.

    A process killed before that leaves `path` as it was, and beside it a folder `.NAME.tmp` that
    the next replacement removes. (Between the two renames, both the old and the new folder are in
    there, whole.) Raises ConfigError as `drafting` does.
    """
    path = resolved(path)
    with drafting(path) as draft:
        yield draft
        sync_tree(draft)
        former = draft.parent / "former"
        try:
            if path.exists():
                shutil.rmtree(former, ignore_errors=True)
                move(path, former)
            move(draft, path)
        finally:
            if former.exists() and not path.exists():
                move(former, path)
        shutil.rmtree(draft.parent, ignore_errors=True)


@contextmanager
def drafting(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path`; unless it is moved, it is removed after the block.

    So are the parents made for it. Raises ConfigError where the system refuses to make it, and
    where `path` cannot be replaced.
    """
    path = resolved(path)
    draft = path.parent / f".{path.name}.tmp" / process_mark()
    made: list[Path] = []
    try:
        try:
            _check_replaceable(path)
            made += [parent for parent in draft.parents if not parent.exists()]
            shutil.rmtree(draft, ignore_errors=True)  # of a killed process with this number
            draft.mkdir(parents=True)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be made or replaced ({error.strerror}): give another --out"
            ) from None
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def sync_tree(folder: Path) -> None:
    """Make a folder and all in it durable."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def remove(path: Path) -> None:
    """Remove whatever stands at a path, a link without what it leads to; nothing if it is free."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Remove what is at a path, as far as the system lets us; what it keeps does no harm there.

    NFS keeps files that are still open, under other names, and with them their folder.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def move(folder: Path, target: Path) -> None:
    """Rename a folder durably, and make the parents of its new path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(target)
    sync(target.parent)


def _check_replaceable(path: Path) -> None:
    if path.is_mount() or Path.cwd().is_relative_to(path):
        raise ConfigError(
            f"{path} cannot be replaced as a whole, since a disk is mounted there or you are in "
            "it: give a folder inside it as --out"
        )
