"""Which photographs and concepts does a study name, and how many are there? Found without torch."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from prunescope.base.cache import recall
from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json, fingerprint
from prunescope.base.paths import stated_files
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.naming import paths_of
from prunescope.concepts.request import split_name
from prunescope.concepts.scenes import scenes_are_drawn, scenes_folder
from prunescope.data.sources import folders_of, open_source
from prunescope.experiment.facts import SourceFacts, StudyFacts, recorded_facts
from prunescope.recipe import Recipe
from prunescope.version import __version__

if TYPE_CHECKING:
    from prunescope.concepts.protocol import Divisible


def data_folder(source: str, progress: Progress = SILENT) -> str:
    """Return where labelled images lie: the embedded set, once drawn, or the source itself."""
    return str(scenes_folder(progress=progress) / "images") if source == "scenes" else source


def concepts_of(recipe: Recipe, progress: Progress = SILENT) -> "Divisible":
    """Open a study's pictures with labelled concepts."""
    from prunescope.concepts import open_concepts

    concepts, rules = recipe.concepts, recipe.dissection.rules
    return open_concepts(
        concepts.source,
        split=rules.images_of(concepts.split),
        limit=concepts.limit,
        mask_size=concepts.mask_size,
        skip_broken=recipe.dissection.skip_broken,
        progress=progress,
    )


def facts_of(
    recipe: Recipe,
    progress: Progress = SILENT,
    record: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> StudyFacts:
    """Look at what a study reads. Raises DataError where it is not there.

    record: as `record_facts` wrote it; what has not changed since is not counted again.
    """
    return StudyFacts(
        data=_data_facts(recipe, progress, recorded_facts(recipe, record, "data")),
        concepts=_concept_facts(recipe, progress, recorded_facts(recipe, record, "concepts")),
    )


def facts_of_run(
    recipe: Recipe, record: Mapping[str, dict[str, Any]], progress: Progress = SILENT
) -> tuple[StudyFacts, dict[str, str]]:
    """Return what a run reads, as it recorded it where that can no longer be looked at.

    record: as `record_facts` wrote it. So that looking at a run never draws or downloads, what
    lies in no folder of the user's is taken as recorded too.
    Returns also why "data" or "concepts" could not be read. Raises DataError for one that cannot,
    and that the record does not have.
    """
    facts: dict[str, SourceFacts] = {}
    unread: dict[str, str] = {}
    for name, source, look in (
        ("data", recipe.data.source, _data_facts),
        ("concepts", recipe.concepts.source, _concept_facts),
    ):
        before = recorded_facts(recipe, record, name)
        if not _is_at_hand(source):
            if before is not None:
                facts[name] = before
                continue
            if source != "scenes" and ":" not in source:
                raise DataError(
                    f'{name}.source is "{source}", no folder here, of which the run records '
                    "nothing, and looking at a run downloads nothing: run its study to go on"
                )
        try:
            facts[name] = look(recipe, progress, before)
        except DataError as error:
            if before is None:
                raise
            facts[name], unread[name] = before, str(error)
    return StudyFacts(**facts), unread


def _data_facts(recipe: Recipe, progress: Progress, before: SourceFacts | None) -> SourceFacts:
    """Look at the photographs; where they are those of before, count them no more."""
    source, classes = data_folder(recipe.data.source, progress), recipe.data.classes
    content = _fingerprint_images(source)
    if classes is not None:  # they decide which images there are, and their labels
        content = fingerprint([content, classes])
    if before is not None and before.fingerprint == content:
        return before
    from prunescope.data.images import count_images, find_split  # which load torch

    train, test = (
        count_images(source, find_split(source, split), classes)
        for split in (recipe.data.train_split, recipe.data.test_split)
    )
    if recipe.data.limit is not None:  # one above what there is is refused when they are read
        train = min(train, recipe.data.limit)
    return SourceFacts(fingerprint=content, images=train, test_images=test)


def _concept_facts(recipe: Recipe, progress: Progress, before: SourceFacts | None) -> SourceFacts:
    """Look at the concepts; where no file of theirs has changed since before, open them no more."""
    concepts, rules = recipe.concepts, recipe.dissection.rules
    folder = _concepts_folder(concepts.source, progress)
    if before is None or folder is None or recipe.dissection.skip_broken:
        return _opened_facts(recipe, progress)
    chosen = [concepts.source, rules.images_of(concepts.split), concepts.limit, concepts.mask_size]
    content = recall(
        f"opened concepts 1 {__version__} {canonical_json(chosen)}",
        stated_files(folder, hidden=True),
        lambda: _opened_facts(recipe, progress).fingerprint,
    )
    return before if content == before.fingerprint else _opened_facts(recipe, progress)


def _concepts_folder(source: str, progress: Progress) -> Path | None:
    """Return the folder that holds all files of a concept set; None where they may lie apart."""
    if source == "scenes":
        return scenes_folder(progress=progress).absolute()
    _, place, options = split_name(source)
    folder = Path(place).expanduser().absolute()
    return folder if folder.is_dir() and not options else None


def _opened_facts(recipe: Recipe, progress: Progress) -> SourceFacts:
    from prunescope.concepts.broken import WithoutBroken, advising

    concepts = concepts_of(recipe, progress)
    if isinstance(concepts, WithoutBroken):  # looking at a run does not read every image
        return SourceFacts(
            fingerprint=concepts.tolerant_fingerprint, images=len(concepts.source.images)
        )
    with advising(concepts):
        return SourceFacts(fingerprint=concepts.fingerprint, images=len(concepts.images))


def _is_at_hand(source: str) -> bool:
    """Return whether a source can be looked at without drawing it or asking a hub."""
    if source == "scenes":
        return scenes_are_drawn()
    candidates = (Path(source).expanduser(), *paths_of(source))
    return any(path.is_absolute() or path.exists() for path in candidates)


def _fingerprint_images(source: str) -> str:
    """Return the identity of labelled images, without reading a folder that has not changed."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return open_source(source).fingerprint()
    kind = f"images 2 {folder.absolute()} {folders_of(folder)}"
    files = stated_files(folder.absolute())
    return recall(kind, files, lambda: open_source(source).fingerprint())
