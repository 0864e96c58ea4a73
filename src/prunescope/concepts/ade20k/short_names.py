"""How are ADE20K's classes called, whose names list all their synonyms?"""

import re
from collections import Counter
from collections.abc import Mapping

_BETWEEN = re.compile("[,;]")


def shorten(names: Mapping[int, str]) -> dict[int, str]:
    """Return the first synonym of each class, or the whole name where another has that one, too.

    names: by index, "car, auto, automobile". Of classes with one whole name, the index is added.
    """
    first = {index: _BETWEEN.split(name)[0].strip() or name for index, name in names.items()}
    held, whole = Counter(first.values()), Counter(names.values())
    short: dict[int, str] = {}
    for index, name in names.items():
        chosen = first[index] if held[first[index]] == 1 else name
        short[index] = f"{name} ({index})" if chosen == name and whole[name] > 1 else chosen
    return short
