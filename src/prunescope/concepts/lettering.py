"""How is a name of any script written into a picture?"""

from PIL import ImageDraw, ImageFont

from prunescope.base.fonts import default_font, font_for


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
    font, text = font_of(text, size), _in_one_line(text)
    shown = text
    while shown and font.getlength(shown + "…" * (shown != text)) > width:
        shown = shown[:-1]
    draw.text(at, shown + "…" * (shown != text), colour, font)


def _in_one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def drawable(name: str, instead: str) -> str:
    """Return a name, or what stands for it where no font on this machine has its glyphs."""
    return name if font_for(name) else instead


def font_of(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font with a text's glyphs; Pillow's own knows little beyond English."""
    return ImageFont.truetype(font_for(text) or default_font(), size)
