"""What does a run remember of its photographs and concepts, once they are gone?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from prunescope.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a plan needs of photographs or concepts.

    images: how many photographs there are to train on, or pictures to dissect on.
    """

    fingerprint: str
    images: int


def record_known(study: Recipe, *, data: Known, concepts: Known) -> dict[str, dict[str, Any]]:
    """Return what a run writes down of its sources: which they are, and what is known of them."""
    chosen = _chosen(study)
    return {
        "data": chosen["data"] | asdict(data),
        "concepts": chosen["concepts"] | asdict(concepts),
    }


def recorded(study: Recipe, record: Mapping[str, dict[str, Any]], name: str) -> Known | None:
    """Return what was written down of "data" or "concepts"; None if of others than the study's."""
    entry, chosen = record.get(name, {}), _chosen(study)[name]
    if any(key not in entry or entry[key] != value for key, value in chosen.items()):
        return None
    if "fingerprint" not in entry or "images" not in entry:
        return None
    if any(key in entry and key not in chosen for key in ("classes", "mask_size")):
        return None
    return Known(fingerprint=str(entry["fingerprint"]), images=int(entry["images"]))


def _chosen(study: Recipe) -> dict[str, dict[str, Any]]:
    """Return what of the sources is used; of the concepts the split that the convention takes."""
    data, concepts = study.data, study.concepts
    photographs = data.model_dump(mode="json", include={"source", "train_split", "classes"})
    if data.classes is None:
        del photographs["classes"]  # as in the records of runs before there was such a setting
    return {
        "data": photographs,
        "concepts": {
            "source": concepts.source,
            "split": study.dissection.rules.images_of(concepts.split),
            "limit": concepts.limit,
            **({} if concepts.mask_size is None else {"mask_size": concepts.mask_size}),
        },
    }
