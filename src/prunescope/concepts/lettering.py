"""How is a name of any script written into a picture?"""

from PIL import ImageDraw, ImageFont

from prunescope.base.fonts import default_font, font_for
from prunescope.base.text import on_one_line


def write_line(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: str,
    *,
    width: int,
) -> None:
    """Write a line of text, cut to a width in pixels."""
    text = on_one_line(text)
    font = font_of(text, size)
    shown = text
    while shown and font.getlength(shown + "…" * (shown != text)) > width:
        shown = shown[:-1]
    draw.text(at, shown + "…" * (shown != text), colour, font)


def drawable(name: str, instead: str) -> str:
    """Return a name, or what stands for it where no font on this machine has its glyphs."""
    return name if font_for(name) else instead


def font_of(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font with a text's glyphs; Pillow's own knows little beyond English."""
    return ImageFont.truetype(font_for(text) or default_font(), size)
