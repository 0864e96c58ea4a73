"""On which concept set was a layer dissected, without which images, and who made its labels?"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prunescope.concepts.broken import WithoutBroken
from prunescope.concepts.label_makers import makers_of
from prunescope.concepts.naming import with_paths
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.resized import OneSize
from prunescope.results.labelled_by import LABELLED_BY
from prunescope.results.left_out import LEFT_OUT


def identity(concepts: ConceptSet) -> dict[str, object]:
    """Return the name and fingerprint of a set, and the size its maps were resized to, if any."""
    named = {"name": _placeless(concepts.name), "fingerprint": concepts.fingerprint}
    source = concepts.source if isinstance(concepts, WithoutBroken) else concepts
    return named | ({"mask_size": source.mask_size} if isinstance(source, OneSize) else {})


def left_out(concepts: ConceptSet) -> dict[str, list[dict[str, str]]]:
    """Return the broken images that were left out, if any were."""
    broken = concepts.left_out if isinstance(concepts, WithoutBroken) else ()
    return {LEFT_OUT: [asdict(each) for each in broken]} if broken else {}


def labelled_by(concepts: ConceptSet) -> dict[str, list[Mapping[str, Any]]]:
    """Return what is recorded of the networks that made labels, if any did."""
    made = makers_of(concepts)
    return {LABELLED_BY: list(made)} if made else {}


def _placeless(name: str) -> str:
    """Return a concept set's name without the path: of "broden:DIR" only DIR's last part."""
    return with_paths(name, lambda path: Path(path).expanduser().resolve().name)
