"""Which labels behind a result were made by a network, not by people, and how is that said?"""

from collections.abc import Mapping, Sequence
from typing import Any

from prunescope.base.text import on_one_line, shortened
from prunescope.results.forms import TEXT, Object, Rows

LABELLED_BY = "labelled_by"
"""Key of a layer's summary: what is recorded of each network that made labels of the set."""

LABELLED_BY_FORM = Rows(Object({"model": TEXT, "of": TEXT.or_absent}), may_lack=True)


def labelled_by_text(records: Sequence[Mapping[str, Any]] | None) -> str | None:
    """Say in a line which networks made labels; None where none did.

    records: the `model` of each, and, if a set is joined, `of` which part.
    """
    if not records:
        return None
    makers: dict[str, list[str]] = {}
    for record in records:
        makers.setdefault(str(record.get("of", "")), []).append(record["model"])
    made = (
        f"labels{f' of {on_one_line(part)}' if part else ''} made by "
        + " and ".join(on_one_line(shortened(name)) for name in dict.fromkeys(names))
        for part, names in makers.items()
    )
    return f"{', '.join(made)}, not by people"
