"""How is a concept set opened by its name?"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.concepts.broken import WithoutBroken
from prunescope.concepts.joined import Joined
from prunescope.concepts.naming import names_in
from prunescope.concepts.protocol import Divisible
from prunescope.concepts.relabelled import Relabelled, read_renaming
from prunescope.concepts.request import COMMON, Request, split_name, whole_number
from prunescope.concepts.resized import in_one_size
from prunescope.concepts.selection import check_limit
from prunescope.concepts.sources import open_source


def open_named(
    name: str,
    split: str | None,
    limit: int | None,
    mask_size: int | None,
    lenient: bool,
    skip_broken: bool,
    progress: Progress,
) -> Divisible:
    """Return the set, or the joined sets, of a name; all as for `open_concepts`."""
    sets = [
        _open_one(part, split, limit, lenient, skip_broken, progress) for part in names_in(name)
    ]
    opened = sets[0] if len(sets) == 1 else Joined(name, sets)
    if len(sets) > 1 and limit is not None and limit < len(opened.images):
        opened = opened.part(range(limit))
    sized = opened if mask_size is None else in_one_size(opened, mask_size)
    return WithoutBroken(sized, progress) if skip_broken else sized


def _open_one(
    name: str,
    split: str | None,
    limit: int | None,
    lenient: bool,
    skip_broken: bool,
    progress: Progress,
) -> Divisible:
    kind, place, stated = split_name(name)
    common = {option: value for option, value in stated.items() if option in COMMON}
    options = {option: value for option, value in stated.items() if option not in COMMON}
    every = whole_number(name, "every", common.get("every", "1"))
    opened = open_source(
        Request(
            name=name,
            kind=kind,
            place=place,
            options=options,
            split=split,
            limit=limit if every == 1 else None,
            lenient=lenient,
            skip_broken=skip_broken,
            progress=progress,
        )
    )
    if every > 1:
        check_limit(limit)
        opened = opened.part(one_of_every(every, opened.images)[:limit])
    tables = {
        option: read_renaming(Path(common[option]).expanduser(), column, opened.labels)
        for option, column in (("names", "label"), ("categories", "category"))
        if option in common
    }
    named = Relabelled(opened, **tables) if tables else opened
    size = common.get("size")
    if size is None:
        return named
    if not size.isdecimal():
        raise ConfigError(f'size of the concept set "{name}" is "{size}", but must be in pixels')
    return in_one_size(named, int(size))


def one_of_every(every: int, images: Sequence[str]) -> list[int]:
    """Return the indices of the first of every so many images, counted anew in each folder."""
    seen: Counter[str] = Counter()
    chosen = []
    for index, image in enumerate(images):
        folder = image.rpartition("/")[0]
        if seen[folder] % every == 0:
            chosen.append(index)
        seen[folder] += 1
    return chosen
