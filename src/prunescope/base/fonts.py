"""Which font on this machine has the glyphs of a text?"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

DEFAULT_FAMILY = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic and a little more

# TeX's, which have symbols in the places of letters, and one of boxes that stand for any glyph
_NOT_FOR_TEXT = ("cm", "Last Resort")
_INVISIBLE = ("Zs", "Zl", "Zp", "Cc", "Cf")


def font_for(text: str) -> Path | None:
    """Return the default font if it has every glyph of a text, else another that has.

    Other fonts are those installed on this machine, by name. None where no font has them all.
    """
    family = _family_for(text)
    return None if family is None else _font_of(family)


def families_for(texts: Iterable[str]) -> list[str]:
    """Return the families that matplotlib needs to draw some texts, the default first.

    Where no font has all glyphs of a text, nothing is added for it.
    """
    families = (_family_for(text) for text in texts)
    return list(dict.fromkeys([DEFAULT_FAMILY, *filter(None, families)]))


def _family_for(text: str) -> str | None:
    needed = _characters(text)
    return next((name for name in _families() if needed <= _glyphs(_font_of(name))), None)


def _characters(text: str) -> frozenset[int]:
    """Return what must be drawn of a text: all but spaces, controls and invisible marks."""
    return frozenset(ord(c) for c in text if unicodedata.category(c) not in _INVISIBLE)


@cache
def _families() -> tuple[str, ...]:
    from matplotlib import font_manager

    names = {font.name for font in font_manager.fontManager.ttflist}
    for_text = sorted(name for name in names if not name.startswith(_NOT_FOR_TEXT))
    return tuple(dict.fromkeys([DEFAULT_FAMILY, *for_text]))


@cache
def _font_of(family: str) -> Path:
    """Return the one file of a family that matplotlib draws with: not its bold or italic ones."""
    from matplotlib import font_manager

    return Path(font_manager.findfont(family))


@cache
def _glyphs(font: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(font)).get_charmap())
    except (RuntimeError, OSError):  # a font that has gone, or is damaged
        return frozenset()
