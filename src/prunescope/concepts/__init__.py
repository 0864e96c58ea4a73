"""On which concept images, whose pixels are labelled, can a network be dissected?"""

from typing import TYPE_CHECKING

from prunescope.base.progress import SILENT, Progress

if TYPE_CHECKING:
    from prunescope.concepts.protocol import Divisible


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

    name: `scenes`, the embedded set (drawn on first use), or that of another kind, see `kinds`;
        with options of the kind, and of `COMMON`, behind it; several are joined with ` + `
    split: only the images of this split; all of them when None or "all"
    limit: how many images to use, from the first of the split on
    mask_size: side in pixels to which all label maps are resized, see `OneSize`; None leaves them
    lenient: open a folder of masks even with faults in it, so that `check_concepts` reports them
    skip_broken: leave out broken images, see `WithoutBroken`
    Raises ConfigError for an unknown name or split, DataError for a folder that cannot be used.
    """
    from prunescope.concepts.opening import open_named

    return open_named(name, split, limit, mask_size, lenient, skip_broken, progress)
