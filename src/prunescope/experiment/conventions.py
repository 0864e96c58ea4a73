"""How do the conventions of earlier tools change what is found in one network?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prunescope.base.devices import default_device, usable_device
from prunescope.base.errors import ConfigError, nearest
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.comparison.conventions import ConventionComparison, compare_conventions
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import CONVENTIONS
from prunescope.dissection.run import choose_categories
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.single import dissect_network
from prunescope.networks.loading import LoadedNetwork
from prunescope.results.dissection import Dissection
from prunescope.results.layout import CONVENTIONS_COMPARED
from prunescope.results.room import check_room
from prunescope.results.tables import write_csv


def compare_by_conventions(
    network: LoadedNetwork,
    stated: Mapping[str, Any],
    concepts: str,
    *,
    conventions: Sequence[str] | None = None,
    out: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    device: str | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> ConventionComparison:
    """Dissect a network by several conventions, all where None, and compare with the first.

    stated: settings that hold for all, by their names in DissectionSettings; what is None there,
        and `split`, is each convention's own.
    out: each dissection is saved in the folder of its convention's name in it, as soon as it is
        made, and at the end the table of them all.
    Raises ConfigError or DataError, before any work, where one of them cannot be made.
    """
    conventions = conventions or tuple(CONVENTIONS)
    for name in conventions:
        if name not in CONVENTIONS:
            hint, names = nearest(name, CONVENTIONS), ", ".join(CONVENTIONS)
            raise ConfigError(f'there is no convention "{name}"{hint}: there are {names}')
    if len(set(conventions)) < max(2, len(conventions)):
        raise ConfigError(
            f"conventions are compared, but {', '.join(conventions)} is stated: name two or more, "
            "each once"
        )
    target = usable_device(device or default_device())
    settings = [
        DissectionSettings.validate_from({**stated, "convention": name}, "conventions")
        for name in conventions
    ]
    folders = [out / name if out else None for name in conventions]
    for folder in folders:
        if folder is not None and ranks.rank == 0:
            check_room(folder)
    sets = _open_each(settings, concepts, split, limit, mask_size, progress)
    dissections: dict[str, Dissection] = {
        convention_settings.convention: dissect_network(
            network,
            convention_settings,
            opened,
            out=folder,
            device=target,
            ranks=ranks,
            progress=progress.titled(convention_settings.convention),
        )
        for convention_settings, opened, folder in zip(settings, sets, folders, strict=True)
    }
    compared = compare_conventions(dissections)
    if out is not None and ranks.rank == 0:
        write_csv(out / CONVENTIONS_COMPARED, compared.table)
    return compared


def _open_each(
    settings: Sequence[DissectionSettings],
    concepts: str,
    split: str | None,
    limit: int | None,
    mask_size: int | None,
    progress: Progress,
) -> list[ConceptSet]:
    """Open the images that each convention uses; the same ones once."""
    splits = [convention_settings.rules.images_of(split) for convention_settings in settings]
    opened = {
        name: open_concepts(
            concepts,
            split=name,
            limit=limit,
            mask_size=mask_size,
            skip_broken=settings[0].skip_broken,
            progress=progress,
        )
        for name in dict.fromkeys(splits)
    }
    for convention_settings, name in zip(settings, splits, strict=True):
        choose_categories(opened[name], convention_settings)
    return [opened[name] for name in splits]
