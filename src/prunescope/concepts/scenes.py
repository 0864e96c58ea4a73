"""Where does the embedded set `scenes` come from: little pictures with exact labels, drawn here?"""

import os
import shutil
from pathlib import Path

from prunescope.base.cache import cache_folder, turn_to_make
from prunescope.base.devices import usable_cores
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.scenery.picture import KINDS
from prunescope.concepts.scenery.workers import draw_set
from prunescope.concepts.scenery.writer import Commission

SCENES_VERSION = 2
"""Raised whenever a seed gives other pictures or labels than before."""

_SIZES = range(32, 1025, 2)
_PICTURES_PER_WORKER = 300  # fewer do not pay for starting a process
_MOST_WORKERS = 8


def draw_scenes(
    root: Path,
    *,
    seed: int = 0,
    train: int = 2400,
    val: int = 600,
    size: int = 96,
    progress: Progress = SILENT,
) -> Path:
    """Draw the set into a new folder, in Broden's layout; return the folder.

    Each picture is a pure function of seed, split, class and number. `root`/images holds
    train/<class>/NNNN.png and val/<class>/NNNN.png, so it is an image folder to train on too, and
    labels/..., the label maps. The folder appears only when it is complete.
    train, val: pictures of each split, shared among the classes as evenly as they go.
    size: pixels across; the label maps are half as large.
    Raises ConfigError for a size or a number that cannot be, or where something lies at `root`.
    """
    commission = _commission(seed, train, val, size)
    root = root.absolute()
    if root.exists() and (root.is_file() or any(root.iterdir())):
        raise ConfigError(f"{root} is there already: give the scenes a folder of their own")
    draft = root.with_name(f".{root.name}.{os.getpid()}.drawing")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        with progress.task("drawing scenes", train + val) as task:
            draw_set(draft, commission, workers=_workers(train + val), advance=task.advance)
        draft.replace(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return root


def scenes_folder(
    *,
    seed: int = 0,
    train: int = 2400,
    val: int = 600,
    size: int = 96,
    progress: Progress = SILENT,
) -> Path:
    """Return the folder of the set in the user's cache, drawn there if it is not.

    The cache is the one of `cache_folder`.
    Two processes that ask at once get one set: the second waits for the first.
    Raises ConfigError as `draw_scenes` does, or where the cache cannot be written.
    """
    folder = _cached(seed=seed, train=train, val=val, size=size)
    if _is_drawn(folder):
        return folder
    _commission(seed, train, val, size)
    with turn_to_make(folder, "the scenes"):
        if not _is_drawn(folder):
            for abandoned in folder.parent.glob(f".{folder.name}.*.drawing"):
                shutil.rmtree(abandoned, ignore_errors=True)
            draw_scenes(folder, seed=seed, train=train, val=val, size=size, progress=progress)
    return folder


def scenes_are_drawn() -> bool:
    """Say whether the set with its usual size and seed lies in the user's cache."""
    return _is_drawn(_cached(seed=0, train=2400, val=600, size=96))


def _cached(*, seed: int, train: int, val: int, size: int) -> Path:
    name = f"scenes-v{SCENES_VERSION}-seed{seed}-{train}+{val}-{size}px"
    return cache_folder() / name


def _is_drawn(folder: Path) -> bool:
    return (folder / "index.csv").is_file()


def _commission(seed: int, train: int, val: int, size: int) -> Commission:
    if size not in _SIZES:
        raise ConfigError(
            f"size is {size}, but must be an even number from {_SIZES[0]} to {_SIZES[-1]}"
        )
    for name, count in (("train", train), ("val", val)):
        if count < len(KINDS):
            raise ConfigError(
                f"{name} is {count}, but must be at least {len(KINDS)}: a picture of each class"
            )
    return Commission(seed=seed, size=size, train=train, val=val)


def _workers(pictures: int) -> int:
    return min(usable_cores(), _MOST_WORKERS, pictures // _PICTURES_PER_WORKER)
