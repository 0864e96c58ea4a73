"""On which concept images, whose pixels are labelled, can a network be dissected?"""

from pathlib import Path
from typing import TYPE_CHECKING

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.progress import SILENT, Progress

if TYPE_CHECKING:
    from prunescope.concepts.protocol import Divisible

KINDS = {
    "scenes": "the embedded set: drawn pictures with exact labels",
    "broden:DIR": "a folder in Broden's layout",
    "masks:DIR": "your own set: DIR/images, DIR/masks, DIR/names.csv",
}
"""The names that `open_concepts` takes, and what each stands for."""


def open_concepts(
    name: str,
    *,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    lenient: bool = False,
    skip_broken: bool = False,
    progress: Progress = SILENT,
) -> "Divisible":
    """Return the concept set of a name.

    name: `scenes`, the embedded set (drawn on first use), or `broden:DIR`, a folder in Broden's
        layout, or `masks:DIR`, a folder of images and masks
    split: only the images of this split; all of them when None or "all"
    limit: how many images to use, from the first of the split on
    mask_size: side in pixels to which all label maps are resized, see `OneSize`; None leaves them
    lenient: open a folder of masks even with faults in it, so that `check_concepts` reports them
    skip_broken: leave out broken images, see `WithoutBroken`
    Raises ConfigError for an unknown name or split, DataError for a folder that cannot be used.
    """
    from prunescope.concepts.broken import WithoutBroken
    from prunescope.concepts.resized import OneSize, checked_mask_size

    opened = _open(name, split, limit, lenient, skip_broken, progress)
    sized = opened if mask_size is None else OneSize(opened, checked_mask_size(mask_size))
    return WithoutBroken(sized, progress) if skip_broken else sized


def _open(
    name: str,
    split: str | None,
    limit: int | None,
    lenient: bool,
    skip_broken: bool,
    progress: Progress,
) -> "Divisible":
    from prunescope.concepts.broden import BrodenFolder
    from prunescope.concepts.masks import MaskFolder

    kind, _, folder = name.partition(":")
    path = Path(folder).expanduser()
    if name == "scenes":
        from prunescope.concepts.scenes import scenes_folder

        return BrodenFolder.open(
            scenes_folder(progress=progress), name=name, split=split, limit=limit
        )
    if kind == "broden" and folder:
        return BrodenFolder.open(path, name=name, split=split, limit=limit)
    if kind == "masks" and folder:
        return MaskFolder.open(
            path, name=name, split=split, limit=limit, lenient=lenient, skip_broken=skip_broken
        )
    kinds = [form.partition(":")[0] for form in KINDS]
    hint = "" if kind in kinds else nearest(kind, kinds)
    choice = ", or ".join(f"{form} ({what})" for form, what in KINDS.items())
    raise ConfigError(f'there is no concept set "{name}"{hint}: give {choice}')
