"""How are things described in text, one line for the look and the labels of each piece?

A thing is a header and, indented, its pieces in the order in which they are painted:

    NAME | SMALLEST,LARGEST size in canvas widths | OPTIONS
      [THING:] PART, MATERIAL | COLOUR | SHAPE; SHAPE ... | OPTIONS

"either", "or" and "and" begin the lines of alternatives, one of which is drawn. A shape is a word
and its points, optionally followed by "at" and points that it is copied to, or by "turned", a count
and the point around which it is repeated. Options are written NAME=VALUE; see `Thing` and `Piece`.
Things that stand or float rise from the origin; things that fly or swim are centred on it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prunescope.concepts.scenery.geometry import SHAPES, Number, Outline, frame, placed, polygon


@dataclass(frozen=True)
class Piece:
    """Outlines of one colour, and what they show: a part of a thing, its material and texture.

    tone, foot, figure: the colour, that at the picture's foot, that of the pattern; see `Painter`.
    pattern: names of patterns, of which a thing takes one. pitch: how far apart its figures are, in
        canvas widths, or 0: in the thing's units.
    lee: the shaded shares of width and height, at the right and at the foot.
    spin: the point around which the piece is rotated at random.
    only: "inside" the last piece without this option, or the pattern's "figures", is painted.
    """

    thing: str
    part: str | None
    material: str | None
    tone: str
    outlines: list[Outline]
    foot: str = ""
    figure: str = "figure"
    pattern: str = "plain"
    pitch: Number = 0.1
    lee: tuple[Number, ...] = (0.18, 0.1)
    spin: tuple[Number, ...] = ()
    only: str = ""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that can be in a picture. sketch: a sequence of alternatives, lists of pieces.

    habit: whether it stands, floats, flies or swims. rise: how far above a level it is drawn. haze:
    the share of haze in front of it.
    """

    sizes: tuple[Number, ...]
    habit: str = ""
    rise: Number = 0
    haze: Number = 0
    sketch: list[list[list[Piece]]] = field(default_factory=list)


def read_things(path: Path) -> dict[str, Thing]:
    """Return the things described in a file, by name; a backslash continues a line."""
    things, name = dict[str, Thing](), ""
    for line in path.read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        if line.startswith(" "):
            _add_pieces(things[name].sketch, name.partition(":")[0], line.strip())
        elif not line.startswith("#"):
            name, sizes, *options = _fields(line)
            things[name] = Thing(sizes=_value(sizes), **_options(options))
    return things


def _add_pieces(sketch: list[list[list[Piece]]], thing: str, line: str) -> None:
    link, _, rest = line.partition(" ")
    line = rest if link in ("either", "or", "and") else line
    pieces = [] if line == "nothing" else [_piece(thing, line)]
    if link == "or":
        sketch[-1].append(pieces)
    elif link == "and":
        sketch[-1][-1].extend(pieces)
    else:
        sketch.append([pieces])


def _piece(thing: str, line: str) -> Piece:
    labels, tone, shapes, *options = _fields(line)
    other, _, labels = labels.rpartition(":")
    part, material = (label.strip() or None for label in labels.split(","))
    outlines = [outline for shape in shapes.split("; ") for outline in _outlines(shape.strip())]
    return Piece(other or thing, part, material, tone, outlines, **_options(options))


def _outlines(shape: str) -> list[Outline]:
    shape, _, spots = shape.partition(" at ")
    shape, _, turned = shape.partition(" turned ")
    word, _, points = shape.partition(" ")
    outline = SHAPES[word](polygon(points))
    if turned:
        count, spot = turned.split()
        turns = [360 * step / int(count) for step in range(int(count))]
        return [placed(outline, frame(_value(spot), turn=turn)) for turn in turns]
    return [outline + spot for spot in polygon(spots or "0,0")]


def _fields(line: str) -> list[str]:
    return [field.strip() for field in line.split("|")]


def _options(fields: list[str]) -> dict[str, Any]:
    pairs = [option.split("=") for options in fields for option in options.split()]
    return {name: _value(value) for name, value in pairs}


def _value(text: str) -> Any:
    """Return a number, a tuple of numbers, or else the text itself."""
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        return text
    return numbers if len(numbers) > 1 else numbers[0]
