"""Which networks made the labels of a concept set, if people did not?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Python 3.11's own Protocol computes every property when asked isinstance(), fingerprints included
from typing_extensions import Protocol, runtime_checkable

from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json
from prunescope.base.paths import is_there
from prunescope.concepts.protocol import ConceptSet
from prunescope.results.forms import read_object
from prunescope.results.labelled_by import LABELLED_BY, LABELLED_BY_FORM, labelled_by_text
from prunescope.results.tables import write_json

RECORD = "labelled_by.json"
"""The file beside a set's tables that says so."""

Records = tuple[Mapping[str, Any], ...]
"""What is recorded of each network: `model`, its name, and how it was asked."""


@runtime_checkable
class LabelledByNetworks(ConceptSet, Protocol):
    """A concept set that says which networks made its labels."""

    @property
    def labelled_by(self) -> Records:
        """What is recorded of each; empty where people made all labels."""


def makers_of(concepts: ConceptSet) -> Records:
    """Return what is recorded of the networks that made labels of a set; mostly nothing."""
    return concepts.labelled_by if isinstance(concepts, LabelledByNetworks) else ()


def labels_note(concepts: ConceptSet) -> str | None:
    """Say in a line which networks made labels of a set; None where none did."""
    return labelled_by_text(makers_of(concepts))


def read_makers(root: Path) -> Records:
    """Return what the folder of a set records. Raises DataError where the record is damaged."""
    path = root / RECORD
    if not is_there(path):
        return ()
    records = read_object(path, {LABELLED_BY: LABELLED_BY_FORM}).get(LABELLED_BY) or ()
    try:
        canonical_json(records)
    except (ValueError, RecursionError):
        raise DataError(f"{path} is damaged: it holds a number that is none") from None
    return tuple(records)


def save_makers(root: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Record in the folder of a set which networks made its labels; nothing where none did."""
    if records:
        write_json(root / RECORD, {LABELLED_BY: list(records)})
