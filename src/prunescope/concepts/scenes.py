"""Where is the embedded set `scenes`, small drawn pictures with exact labels, made and kept?"""

import shutil
from pathlib import Path

from prunescope.base.cache import cache_folder, turn_to_make
from prunescope.base.devices import usable_cores
from prunescope.base.errors import ConfigError
from prunescope.base.files import process_mark
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.scenery.scene_set import SceneSet

SCENES_VERSION = 2
"""Raised whenever a seed gives other pictures or labels than before."""

_PICTURES_PER_WORKER = 300  # fewer do not pay for starting a process
_MOST_WORKERS = 8


def draw_scenes(
    root: Path,
    scenes: SceneSet = SceneSet(),  # noqa: B008  # frozen
    *,
    progress: Progress = SILENT,
) -> Path:
    """Draw the set into a new folder, in Broden's layout; return the folder.

    `root`/images holds train/<class>/NNNN.png and val/<class>/NNNN.png, so it is an image folder to
    train on too, and labels/..., the label maps. The folder appears only when it is complete.
    Raises ConfigError where something lies at `root`.
    """
    from prunescope.concepts.scenery.workers import draw_set

    root = root.absolute()
    if root.exists() and (root.is_file() or any(root.iterdir())):
        raise ConfigError(f"{root} is there already: give the scenes a folder of their own")
    draft = root.with_name(f".{root.name}.{process_mark()}.drawing")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    pictures = scenes.train + scenes.val
    workers = min(usable_cores(), _MOST_WORKERS, pictures // _PICTURES_PER_WORKER)
    try:
        with progress.task("drawing scenes", pictures) as task:
            draw_set(draft, scenes, workers=workers, advance=task.advance)
        if not _is_drawn(root):  # by another machine, in the meantime
            draft.replace(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return root


def scenes_folder(
    scenes: SceneSet = SceneSet(),  # noqa: B008  # frozen
    *,
    progress: Progress = SILENT,
) -> Path:
    """Return the folder of the set in the user's cache (`cache_folder`), drawn if it is missing.

    Two processes that ask at once get one set: the second waits for the first.
    Raises ConfigError where the cache cannot be written.
    """
    folder = _cached(scenes)
    if _is_drawn(folder):
        return folder
    with turn_to_make(folder, "the scenes"):
        if not _is_drawn(folder):
            for abandoned in folder.parent.glob(f".{folder.name}.*.drawing"):
                shutil.rmtree(abandoned, ignore_errors=True)
            draw_scenes(folder, scenes, progress=progress)
    return folder


def scenes_are_drawn() -> bool:
    """Return whether the set of the default size and seed is in the user's cache."""
    return _is_drawn(_cached(SceneSet()))


def _cached(scenes: SceneSet) -> Path:
    counts = f"{scenes.train}+{scenes.val}"
    return cache_folder() / f"scenes-v{SCENES_VERSION}-seed{scenes.seed}-{counts}-{scenes.size}px"


def _is_drawn(folder: Path) -> bool:
    return (folder / "index.csv").is_file()
