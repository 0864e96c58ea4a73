"""What does a study know of its data set and concept images, and what does its run remember?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from prunescope.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a plan needs of a data set or of a concept set.

    fingerprint: names its content. images: how many training images or concept images there are.
    test_images: of a data set, how many there are; 0 for concepts.
    """

    fingerprint: str
    images: int
    test_images: int = 0


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """What a plan needs of all that a study reads: its data set and its concept set."""

    data: SourceFacts
    concepts: SourceFacts


UNKNOWN = StudyFacts(
    data=SourceFacts(fingerprint="", images=1), concepts=SourceFacts(fingerprint="", images=1)
)
"""For plans whose keys are not used: no source is read."""


_WHERE_STATED = ("classes", "mask_size", "train_limit")


def record_facts(recipe: Recipe, facts: StudyFacts) -> dict[str, dict[str, Any]]:
    """Return what a run writes down of its sources: which they are, and what is known of them."""
    chosen = _chosen(recipe)
    concepts = {"fingerprint": facts.concepts.fingerprint, "images": facts.concepts.images}
    return {
        "data": chosen["data"] | asdict(facts.data),
        "concepts": chosen["concepts"] | concepts,
    }


def recorded_facts(
    recipe: Recipe, record: Mapping[str, dict[str, Any]], name: str
) -> SourceFacts | None:
    """Return what was written down of "data" or "concepts"; None if of others than the study's."""
    entry, chosen = record.get(name, {}), _chosen(recipe)[name]
    if any(key not in entry or entry[key] != value for key, value in chosen.items()):
        return None
    if "fingerprint" not in entry or "images" not in entry:
        return None
    if any(key in entry and key not in chosen for key in _WHERE_STATED):
        return None
    return SourceFacts(
        fingerprint=str(entry["fingerprint"]),
        images=int(entry["images"]),
        test_images=int(entry.get("test_images", 0)),
    )


def _chosen(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return what of the sources is used; of the concepts the split that the convention takes."""
    data, concepts = recipe.data, recipe.concepts
    chosen: dict[str, dict[str, Any]] = {
        "data": {
            "source": data.source,
            "train_split": data.train_split,
            "test_split": data.test_split,
            "classes": data.model_dump(mode="json")["classes"],
            "train_limit": data.limit,
        },
        "concepts": {
            "source": concepts.source,
            "split": recipe.dissection.rules.images_of(concepts.split),
            "limit": concepts.limit,
            "mask_size": concepts.mask_size,
        },
    }
    for values in chosen.values():
        for name in _WHERE_STATED:
            if values.get(name) is None:
                values.pop(name, None)
    return chosen
