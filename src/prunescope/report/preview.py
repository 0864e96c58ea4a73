"""What do a concept set's photographs and labels look like, side by side?"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float64, Int32, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.fonts import families_for, font_for
from prunescope.base.paths import require_place
from prunescope.base.progress import SILENT, Progress
from prunescope.base.seeding import derive_seed
from prunescope.base.text import on_one_line, shortened
from prunescope.concepts.naming import title_of
from prunescope.concepts.protocol import Annotation, ConceptSet, Label
from prunescope.concepts.scenery.palette import COLOUR_TERMS
from prunescope.report.html import environment
from prunescope.results.layout import PAGE

_GENERATOR = "Prunescope preview"
_SHEET = re.compile(r"sheet-\d+\.png")
_CANDIDATES = 8  # images considered for each one shown
_ROWS, _COLUMNS = 3, 6  # of panels on a sheet
_DOTS_PER_INCH = 192
_LEGEND_LINES = 6
_LONGEST_NAME, _LONGEST_TITLE = 24, 32  # characters
_LEGEND_STYLE: dict[str, Any] = {
    **{"loc": "upper left", "fontsize": 7, "frameon": False, "borderpad": 0, "borderaxespad": 0},
    **{"handlelength": 1, "handleheight": 1, "handletextpad": 0.6},
}
_INK, _PALE = "#20242b", "#7c828c"
_LABEL_WEIGHT, _BLANK_WEIGHT, _BORDER_WEIGHT = 0.72, 0.75, 0.9  # opacity over the photograph
_ENLARGED = 3  # pixels of the overlay per pixel of a label map, one of them for the border
# Twenty colours that are distinct on a grey photograph; more labels get darker ones
_PALETTE = (
    *("#e6432f", "#2f7fe6", "#2fae4e", "#f2b01e", "#8a4fd3", "#14b1b8", "#ef7d1a", "#d6459d"),
    *("#7a9a01", "#5566d6", "#a8572a", "#00936b", "#c92a5b", "#59a5d8", "#b8a100", "#9b6bd0"),
    *("#e58a7b", "#3c7d3c", "#c08040", "#6f7d8c"),
)
_DARKER, _SHADES = 0.6, 5


def preview_concepts(
    concepts: ConceptSet,
    out: Path,
    *,
    images: int = 12,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[Path]:
    """Draw contact sheets, `sheet-1.png` on: photographs beside their labels, with names.

    A photograph has a panel for every label map, with each label's share of the picture; labels of
    the whole image are listed below it. From a seeded draw of eight times as many images, those
    that add the most new labels are shown. The same set, number and seed give the same bytes.
    `index.html` shows the sheets and lists their labels. An earlier preview in the folder is
    replaced. Raises ConfigError where the folder holds anything else.
    """
    if images < 1:
        raise ConfigError(f"images is {images}, but must be at least 1")
    require_place(out)
    _require_room(out)
    labels = {label.number: label for label in concepts.labels}
    chosen = _choose(concepts, images, seed)
    colours = colour_labels(labels, _panels_of(chosen.values()))
    cards: list[list[Panel]] = []
    with progress.task(f"Drawing {concepts.name}", len(chosen)) as task:
        for index, annotation in chosen.items():
            photograph = np.asarray(concepts.read_image(index))
            title = drawable(concepts.images[index], f"image {index}")
            cards.append(_card(title, photograph, annotation, labels, colours))
            task.advance()
    rows = _packed(cards)
    sheets = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
    title = drawable(title_of(concepts.name), "concepts")
    pictures = {
        f"sheet-{number}.png": _draw_sheet(sheet, f"{title}  ·  {number} of {len(sheets)}")
        for number, sheet in enumerate(sheets, start=1)
    }
    template = environment().get_template("preview.html")
    page = template.render(
        generator=_GENERATOR,
        title=title_of(concepts.name),
        sheets=list(pictures),
        labels=[(labels[number], colour) for number, colour in colours.items()],
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (pictures | {PAGE: f"{page}\n".encode()}).items():
        write_atomically(out / name, content)
    for entry in out.iterdir():
        if _SHEET.fullmatch(entry.name) and entry.name not in pictures:  # of an earlier preview
            entry.unlink()
    return [out / name for name in pictures]


def colour_labels(labels: Mapping[int, Label], panels: Sequence[frozenset[int]]) -> dict[int, str]:
    """Return a colour for each label of some panels: a term such as `red-c` gets its own.

    Labels in one panel have different colours, unless there are hundreds of them.
    """
    colours: dict[int, str] = {}
    for turn, number in enumerate(sorted(frozenset().union(*panels))):
        beside = frozenset().union(*(panel for panel in panels if number in panel))
        taken = {colours.get(other) for other in beside}
        choices = [_colour(turn, step) for step in range(_SHADES * len(_PALETTE))]
        free = next((colour for colour in choices if colour not in taken), choices[0])
        term = COLOUR_TERMS.get(labels[number].name)
        colours[number] = "#{:02x}{:02x}{:02x}".format(*term) if term else free
    return colours


def drawable(name: str, instead: str) -> str:
    """Return a name, or a substitute if no font on this machine has its glyphs."""
    name = on_one_line(name)
    return name if font_for(name) else instead


def _colour(turn: int, step: int) -> str:
    """Return a colour of the palette; after all of them, the same again in a darker shade."""
    shade, index = divmod(step, len(_PALETTE))
    red, green, blue = np.array(to_rgb(_PALETTE[(turn + index) % len(_PALETTE)])) * _DARKER**shade
    return to_hex((red, green, blue))


def _require_room(out: Path) -> None:
    """Raise ConfigError where a folder holds anything but a preview."""
    page = out / PAGE
    mark = f'<meta name="generator" content="{_GENERATOR}">'
    is_preview = page.is_file() and mark in page.read_text("utf-8", errors="replace")[:400]
    for entry in sorted(out.iterdir()) if out.is_dir() else ():
        if not (entry.name == PAGE or _SHEET.fullmatch(entry.name)) or not is_preview:
            raise ConfigError(
                f"{out} is not empty and not a preview (it holds {entry.name}): give another --out"
            )


def _panels_of(annotations: Iterable[Annotation]) -> list[frozenset[int]]:
    """Return the labels of every panel."""
    panels: list[frozenset[int]] = []
    for annotation in annotations:
        panels.append(frozenset(annotation.whole))
        panels += [frozenset(np.unique(plane).tolist()) - {0} for plane in annotation.planes]
    return panels


def _choose(concepts: ConceptSet, images: int, seed: int) -> dict[int, Annotation]:
    """Pick the images that add the most new labels; a tie goes to the one drawn earlier."""
    count = len(concepts.images)
    order = np.random.default_rng(derive_seed(seed, "preview")).permutation(count)
    candidates = {int(i): concepts.read_annotation(int(i)) for i in order[: images * _CANDIDATES]}
    numbers = {index: set(annotation.numbers()) for index, annotation in candidates.items()}
    chosen: dict[int, Annotation] = {}
    shown: set[int] = set()
    while candidates and len(chosen) < images:
        index = max(candidates, key=lambda i: len(numbers[i] - shown))
        chosen[index] = candidates.pop(index)
        shown |= numbers[index]
    return chosen


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A photograph, optionally under a label map, with a title and a legend.

    legend: colour and text of each line.
    """

    title: str
    photograph: UInt8[np.ndarray, "height width 3"]
    overlay: Float64[np.ndarray, "row column 4"] | None
    legend: list[tuple[str, str]]


def _card(
    title: str,
    photograph: UInt8[np.ndarray, "height width 3"],
    annotation: Annotation,
    labels: Mapping[int, Label],
    colours: Mapping[int, str],
) -> list[Panel]:
    """Return a photograph with the labels of the whole image, and a panel for each label map."""

    def line(number: int, note: str) -> tuple[str, str]:
        name = drawable(labels[number].name, f"label {number}")
        return colours[number], f"{note}  {shortened(name, _LONGEST_NAME)}"

    whole = [line(number, labels[number].category) for number in dict.fromkeys(annotation.whole)]
    panels = [Panel(title=title, photograph=photograph, overlay=None, legend=whole)]
    for plane in annotation.planes:
        numbers, pixels = np.unique(plane[plane > 0], return_counts=True)
        shares = dict(zip(numbers.tolist(), (pixels / plane.size).tolist(), strict=True))
        largest_first = sorted(shares, key=lambda number: -shares[number])
        if shares:
            categories = dict.fromkeys(labels[number].category for number in largest_first)
            panel = Panel(
                title=drawable(", ".join(categories), "label map"),
                photograph=photograph,
                overlay=_overlay(plane, colours),
                legend=[line(number, _percent(shares[number])) for number in largest_first],
            )
            panels.append(panel)
    return panels


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"


def _overlay(
    plane: Int32[np.ndarray, "height width"], colours: Mapping[int, str]
) -> Float64[np.ndarray, "row column 4"]:
    """Return the overlay of a photograph: its labels' colours, with white borders between them."""
    numbers, codes = np.unique(plane, return_inverse=True)
    paints = np.array(
        [
            to_rgba(colours[number], _LABEL_WEIGHT) if number else to_rgba("w", _BLANK_WEIGHT)
            for number in numbers.tolist()
        ]
    )
    regions = np.kron(codes.reshape(plane.shape), np.ones((_ENLARGED, _ENLARGED), np.int64))
    border = np.zeros(regions.shape, bool)
    border[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    border[1:] |= regions[1:] != regions[:-1]
    overlay: Float64[np.ndarray, "row column 4"] = paints[regions]
    overlay[border] = to_rgba("w", _BORDER_WEIGHT)
    return overlay


def _packed(cards: Iterable[list[Panel]]) -> list[list[Panel]]:
    """Put cards into rows, the widest card first, each into the first row with room."""
    rows: list[list[Panel]] = []
    for card in sorted(cards, key=lambda card: -len(card)):
        row = next((row for row in rows if len(row) + len(card) <= _COLUMNS), [])
        if not row:
            rows.append(row)
        row.extend(card)
    return rows


@mpl.rc_context({"text.parse_math": False})  # a name may hold dollar signs
def _draw_sheet(rows: Sequence[Sequence[Panel]], title: str) -> bytes:
    """Return a picture of rows of panels, as a PNG."""
    columns = max(map(len, rows))
    sheet = Figure(figsize=(1.6 * columns, 0.5 + 2.9 * len(rows)), dpi=_DOTS_PER_INCH)
    bottom, top = 0.75 / sheet.get_figheight(), 1 - 0.65 / sheet.get_figheight()
    sheet.suptitle(title, x=0.01, ha="left", fontfamily=families_for([title]), color=_INK)
    grid = sheet.subplots(len(rows), columns, squeeze=False)
    sheet.subplots_adjust(0.01, bottom, 0.99, top, wspace=0.07, hspace=0.6)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, panels in zip(grid, rows, strict=True):
        for axes, panel in zip(row, panels, strict=False):
            _draw_panel(axes, panel)
    file = io.BytesIO()
    sheet.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _draw_panel(axes: Axes, panel: Panel) -> None:
    height, width = panel.photograph.shape[:2]
    axes.set_anchor("NW")
    if panel.overlay is None:
        axes.imshow(panel.photograph)
    else:
        axes.imshow(panel.photograph.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        axes.imshow(panel.overlay, extent=(0, width, height, 0), interpolation="nearest")
    title = shortened(panel.title, _LONGEST_TITLE)
    axes.set_title(title, loc="left", size=6, color=_PALE, fontfamily=families_for([title]))
    lines = [
        Patch(facecolor=colour, edgecolor=_PALE, linewidth=0.5, label=text)
        for colour, text in panel.legend[:_LEGEND_LINES]
    ]
    if more := panel.legend[_LEGEND_LINES:]:
        lines.append(Patch(alpha=0, label=f"and {len(more)} more"))
    legend = axes.legend(handles=lines, bbox_to_anchor=(0, -0.03), labelcolor=_INK, **_LEGEND_STYLE)
    for text in legend.get_texts():
        text.set_fontfamily(families_for([text.get_text()]))
