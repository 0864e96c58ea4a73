"""Which text describes a setting? The entry under its name in the docstring of its settings."""

import inspect
import re
from collections.abc import Collection


def describe_fields(docstring: str, fields: Collection[str]) -> dict[str, str]:
    """Return the text of every field that a docstring explains, in one line.

    An entry is "name: text" or "name, name: text", at the start of a line or after a sentence; it
    ends at the next entry or a blank line. Only names of `fields` begin one.
    """
    texts: dict[str, str] = {}
    for part in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        begun = list(_beginning(fields).finditer(part)) if fields else []
        ends = [match.start() for match in begun[1:]] + [len(part)] * bool(begun)
        for match, end in zip(begun, ends, strict=True):
            text = " ".join(part[match.end() : end].split())
            texts |= dict.fromkeys(match["names"].split(", "), text)
    return texts


def introduction(docstring: str, fields: Collection[str]) -> str:
    """Return what a docstring says before the first entry of a field, in one line."""
    text = inspect.cleandoc(docstring)
    begun = _beginning(fields).search(text) if fields else None
    return " ".join(text[: begun.start() if begun else None].split())


def _beginning(fields: Collection[str]) -> re.Pattern[str]:
    name = "|".join(re.escape(field) for field in fields)
    return re.compile(rf"(?:^|(?<=\. ))(?P<names>(?:{name})(?:, (?:{name}))*): ", re.MULTILINE)
