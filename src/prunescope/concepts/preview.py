"""What do a concept set's photographs and labels look like, side by side?"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from PIL import Image, ImageColor, ImageDraw

from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.paths import require_place
from prunescope.base.progress import SILENT, Progress
from prunescope.base.seeding import derive_seed
from prunescope.concepts.lettering import drawable, font_of, write_line
from prunescope.concepts.preview_page import Shown, is_preview, preview_page
from prunescope.concepts.protocol import Annotation, ConceptSet, Label
from prunescope.results.layout import PAGE

_SHEET = re.compile(r"sheet-\d+\.png")
_CANDIDATES = 8  # images looked at for each one shown
_TILE = 288  # pixels along the longer side of a photograph
_TILES_ACROSS = 6
_ROWS_PER_SHEET = 3
_GAP = 12  # between the panels of a card
_CARD_GAP = 48
_MARGIN = 44
_LINE = 25
_LEGEND_LINES = 6
_CHIP = 14
_PAPER, _INK, _PALE = "#ffffff", "#20242b", "#7c828c"
_LABEL_WEIGHT = 0.72  # of the paint over the photograph; the rest lets its shading through
_BLANK_WEIGHT = 0.75  # of white over the parts without a label
_BORDER_WEIGHT = 0.45  # of white on the lines between labels
# Twenty colours that stay apart on a grey photograph; a category with more has them darker, too
_PALETTE = """
    e6432f 2f7fe6 2fae4e f2b01e 8a4fd3 14b1b8 ef7d1a d6459d 7a9a01 5566d6
    a8572a 00936b c92a5b 59a5d8 b8a100 9b6bd0 e58a7b 3c7d3c c08040 6f7d8c
"""
_DARKER = 0.6
# The eleven basic colour terms, as Broden's category color names them
_OWN_COLOURS = {
    "black-c": "#141414",
    "blue-c": "#2d5fbe",
    "brown-c": "#6e482a",
    "grey-c": "#7d7d7d",
    "green-c": "#3c8237",
    "orange-c": "#eb8223",
    "pink-c": "#eb96af",
    "purple-c": "#784196",
    "red-c": "#b92328",
    "white-c": "#f5f5f5",
    "yellow-c": "#ebd237",
}


def preview_concepts(
    concepts: ConceptSet,
    out: Path,
    *,
    images: int = 12,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[Path]:
    """Draw contact sheets, `sheet-1.png` on: photographs beside their labels, with names.

    A photograph has a panel for every label map, with the share of the picture beside each name;
    labels of the whole image stand below it. Of a seeded draw of eight times as many, those images
    are shown that bring the most new labels. The same set, number and seed give the same bytes.
    `index.html` shows the sheets and names their labels as text. An earlier preview in the folder
    is replaced. Raises ConfigError where the folder holds anything else.
    """
    if images < 1:
        raise ConfigError(f"images is {images}, but must be at least 1")
    require_place(out)
    _require_room(out)
    chosen = _choose(concepts, images, seed)
    paint = _Paint(concepts.labels, _seen_together(chosen.values()))
    cards: list[Image.Image] = []
    with progress.task(f"Drawing {concepts.name}", len(chosen)) as task:
        for index, annotation in chosen.items():
            photograph = concepts.read_image(index)
            cards.append(_card(photograph, annotation, concepts.images[index], paint))
            task.advance()
    out.mkdir(parents=True, exist_ok=True)
    rows = _packed(cards)
    sheets = [rows[i : i + _ROWS_PER_SHEET] for i in range(0, len(rows), _ROWS_PER_SHEET)]
    title = Path(concepts.name).name
    paths = [out / f"sheet-{number}.png" for number in range(1, len(sheets) + 1)]
    for number, (path, sheet) in enumerate(zip(paths, sheets, strict=True), start=1):
        file = io.BytesIO()
        _sheet(sheet, f"{title}  ·  {number} of {len(sheets)}").save(file, "png")
        write_atomically(path, file.getvalue())
    shown = [
        Shown(colour=colour, number=number, name=label.name, category=label.category)
        for number, colour in sorted(paint.colours.items())
        for label in [paint.labels[number]]
    ]
    content = preview_page(title, [path.name for path in paths], shown)
    write_atomically(out / PAGE, content.encode())
    number = len(paths)
    while (left := out / f"sheet-{(number := number + 1)}.png").is_file():  # of an earlier preview
        left.unlink()
    return paths


def _require_room(out: Path) -> None:
    """Raise ConfigError where a folder holds anything but a preview."""
    for entry in sorted(out.iterdir()) if out.is_dir() else ():
        if not (entry.name == PAGE or _SHEET.fullmatch(entry.name)) or not is_preview(out):
            raise ConfigError(
                f"{out} is not empty and not a preview (it holds {entry.name}): give another --out"
            )


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """One line of a legend. name: as it can be drawn here, see `drawable`."""

    colour: str
    name: str
    note: str


class _Paint:
    """One colour per label shown: its own for `red-c`, else the next of its category's palette.

    Labels that are seen together have different ones, unless they are hundreds.
    """

    def __init__(self, labels: Iterable[Label], together: Sequence[frozenset[int]]) -> None:
        self.labels: Mapping[int, Label] = {label.number: label for label in labels}
        self.colours: dict[int, str] = {}
        palette = _PALETTE.split()
        used: Counter[str] = Counter()
        for number in sorted(frozenset().union(*together)):
            label = self.labels[number]
            if label.name in _OWN_COLOURS:
                self.colours[number] = _OWN_COLOURS[label.name]
                continue
            beside = frozenset().union(*(group for group in together if number in group))
            taken = {self.colours.get(other) for other in beside}
            places = range(used[label.category], used[label.category] + 2 * len(palette))
            free = (place for place in places if _colour(palette, place) not in taken)
            place = next(free, places.start)  # hundreds in one panel are all but black
            self.colours[number] = _colour(palette, place)
            used[label.category] = place + 1

    def mark(self, number: int, note: str) -> _Mark:
        """Return a label's line in a legend."""
        name = drawable(self.labels[number].name, f"label {number}")
        return _Mark(colour=self.colours[number], name=name, note=note)


def _seen_together(annotations: Iterable[Annotation]) -> list[frozenset[int]]:
    """Return the labels of every panel."""
    panels: list[frozenset[int]] = []
    for annotation in annotations:
        panels.append(frozenset(annotation.whole))
        panels += [frozenset(np.unique(plane).tolist()) - {0} for plane in annotation.planes]
    return panels


def _colour(palette: Sequence[str], place: int) -> str:
    """Return a colour for each place: the palette's, and then the same ever darker."""
    turn, index = divmod(place, len(palette))
    parts = (int(palette[index][start : start + 2], 16) for start in (0, 2, 4))
    return "#" + "".join(f"{round(part * _DARKER**turn):02x}" for part in parts)


def _choose(concepts: ConceptSet, images: int, seed: int) -> dict[int, Annotation]:
    """Pick the images that bring the most new labels, the earlier drawn of equals."""
    count = len(concepts.images)
    order = np.random.default_rng(derive_seed(seed, "preview")).permutation(count)
    left = {int(i): concepts.read_annotation(int(i)) for i in order[: images * _CANDIDATES]}
    numbers = {index: set(annotation.numbers()) for index, annotation in left.items()}
    chosen: dict[int, Annotation] = {}
    seen: set[int] = set()
    while left and len(chosen) < images:
        index = max(left, key=lambda i: len(numbers[i] - seen))
        chosen[index] = left.pop(index)
        seen |= numbers[index]
    return chosen


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """A picture with a word above it and a legend below."""

    title: str
    picture: Image.Image
    marks: list[_Mark]


def _card(
    photograph: Image.Image, annotation: Annotation, caption: str, paint: _Paint
) -> Image.Image:
    """Draw a photograph, its painted label maps and their legends on paper."""
    scale = _TILE / max(photograph.size)
    size = (max(1, round(photograph.width * scale)), max(1, round(photograph.height * scale)))
    tile = photograph.resize(size, Image.Resampling.BICUBIC)
    whole = dict.fromkeys(annotation.whole)
    marks = [paint.mark(number, paint.labels[number].category) for number in whole]
    panels = [_Panel(title=caption, picture=tile, marks=marks)]
    panels += [_map_panel(tile, plane, paint) for plane in annotation.planes if plane.any()]
    lines = max(min(len(panel.marks), _LEGEND_LINES + 1) for panel in panels)
    width = len(panels) * (_TILE + _GAP) - _GAP
    card = Image.new("RGB", (width, tile.height + (1 + lines) * _LINE + 10), _PAPER)
    draw = ImageDraw.Draw(card)
    for position, panel in enumerate(panels):
        left = position * (_TILE + _GAP)
        write_line(draw, (left, 0), panel.title, 13, _PALE, width=_TILE)
        card.paste(panel.picture, (left, _LINE))
        _draw_legend(draw, left, _LINE + tile.height + 10, panel.marks)
    return card


def _map_panel(
    tile: Image.Image, plane: Int32[np.ndarray, "height width"], paint: _Paint
) -> _Panel:
    """Paint a label map and name its labels, the largest first, with their shares."""
    numbers, pixels = np.unique(plane[plane > 0], return_counts=True)
    order = np.argsort(-pixels, kind="stable")
    shares = [100 * pixels[i] / plane.size for i in order]
    notes = [f"{share:.0f} %" if share >= 1 else "< 1 %" for share in shares]
    marks = [paint.mark(int(numbers[i]), note) for i, note in zip(order, notes, strict=True)]
    categories = dict.fromkeys(paint.labels[int(numbers[i])].category for i in order)
    return _Panel(title=", ".join(categories), picture=_painted(tile, plane, paint), marks=marks)


def _painted(
    tile: Image.Image, plane: Int32[np.ndarray, "height width"], paint: _Paint
) -> Image.Image:
    """Lay a label map over a grey photograph, with a white line between labels."""
    numbers, codes = np.unique(plane, return_inverse=True)
    small = Image.fromarray(codes.reshape(plane.shape).astype(np.uint16))
    region = np.asarray(small.resize(tile.size, Image.Resampling.NEAREST))
    colours = [ImageColor.getrgb(paint.colours.get(int(n), _PAPER)) for n in numbers]
    weights = np.where(numbers == 0, _BLANK_WEIGHT, _LABEL_WEIGHT)[region][:, :, None]
    grey = np.asarray(tile.convert("L"), np.float64)[:, :, None]
    picture = weights * np.array(colours)[region] + (1 - weights) * grey
    border = np.zeros(region.shape, bool)
    border[:, 1:] |= region[:, 1:] != region[:, :-1]
    border[1:] |= region[1:] != region[:-1]
    picture[border] += _BORDER_WEIGHT * (255 - picture[border])
    return Image.fromarray(picture.round().astype(np.uint8))


def _draw_legend(draw: ImageDraw.ImageDraw, left: int, top: int, marks: list[_Mark]) -> None:
    for line, mark in enumerate(marks[:_LEGEND_LINES]):
        y = top + line * _LINE
        chip = (left, y + 3, left + _CHIP, y + 3 + _CHIP)
        draw.rounded_rectangle(chip, radius=3, fill=mark.colour, outline=_PALE)
        note = font_of(mark.note, 15)
        draw.text((left + _TILE, y), mark.note, _PALE, note, anchor="ra")
        room = _TILE - _CHIP - 18 - round(note.getlength(mark.note))
        write_line(draw, (left + _CHIP + 8, y), mark.name, 15, _INK, width=room)
    if len(marks) > _LEGEND_LINES:
        more = f"and {len(marks) - _LEGEND_LINES} more"
        at = (left + _CHIP + 8, top + _LEGEND_LINES * _LINE)
        write_line(draw, at, more, 15, _PALE, width=_TILE)


def _packed(cards: list[Image.Image]) -> list[list[Image.Image]]:
    """Lay cards in rows, the widest first, each in the first row with room."""
    room = _TILES_ACROSS * (_TILE + _GAP) + _CARD_GAP
    rows: list[list[Image.Image]] = []
    for card in sorted(cards, key=lambda card: -card.width):
        row = next((row for row in rows if _width([*row, card]) <= room), None)
        if row is None:
            rows.append([card])
        else:
            row.append(card)
    return rows


def _width(row: list[Image.Image]) -> int:
    return sum(card.width for card in row) + (len(row) - 1) * _CARD_GAP


def _sheet(rows: list[list[Image.Image]], title: str) -> Image.Image:
    width = max(_width(row) for row in rows) + 2 * _MARGIN
    heights = [max(card.height for card in row) for row in rows]
    height = 2 * _MARGIN + 2 * _LINE + sum(heights) + (len(rows) - 1) * _CARD_GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    write_line(draw, (_MARGIN, _MARGIN), title, 22, _INK, width=width - 2 * _MARGIN)
    top = _MARGIN + 2 * _LINE
    for row, tallest in zip(rows, heights, strict=True):
        left = _MARGIN
        for card in row:
            sheet.paste(card, (left, top))
            left += card.width + _CARD_GAP
        top += tallest + _CARD_GAP
    return sheet
