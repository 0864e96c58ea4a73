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

    Other fonts are those installed on this machine, by path. None where no font has them all.
    """
    needed = _characters(text)
    return next((font for font in _fonts() if needed <= _glyphs(font)), None)


def default_font() -> Path:
    """Return the file of the default font."""
    from matplotlib import font_manager

    return Path(font_manager.findfont(DEFAULT_FAMILY))


def families_for(texts: Iterable[str]) -> list[str]:
    """Return the families that matplotlib needs to draw some texts, the default first.

    Where no font has all glyphs of a text, nothing is added for it.
    """
    fonts = (font_for(text) for text in texts)
    families = (_family(font) for font in fonts if font is not None)
    return list(dict.fromkeys([DEFAULT_FAMILY, *families]))


def _characters(text: str) -> frozenset[int]:
    """Return what must be drawn of a text: all but spaces, controls and invisible marks."""
    return frozenset(ord(c) for c in text if unicodedata.category(c) not in _INVISIBLE)


@cache
def _fonts() -> tuple[Path, ...]:
    from matplotlib import font_manager

    others = sorted(
        Path(font.fname)
        for font in font_manager.fontManager.ttflist
        if not font.name.startswith(_NOT_FOR_TEXT)
    )
    return default_font(), *dict.fromkeys(others)


@cache
def _glyphs(font: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(font)).get_charmap())
    except (RuntimeError, OSError):  # a font that has gone, or is damaged
        return frozenset()


def _family(font: Path) -> str:
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=str(font)).get_name()
