"""What do the figures look like, on paper and on a dark screen?"""

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from prunescope.base.fonts import families_for
from prunescope.base.text import printable

MARKERS = ("o", "s", "^", "D", "v", "<", ">", "h")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)), (0, (8, 2)))
PANEL_INCHES = (3.3, 2.25)  # a column of a two-column paper
_PIXELS_PER_INCH = 200
_NO_NOISE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_SHAPES: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.hspace": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.wspace": 0.04,
    "font.size": 8,
    "grid.linewidth": 0.7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.columnspacing": 1.4,
    "legend.handlelength": 2,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.4,
    "lines.markeredgewidth": 0.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "prunescope",
    "text.parse_math": False,  # a name may hold dollar signs
    "xtick.labelsize": 7.5,
    "xtick.major.size": 3,
    "xtick.major.width": 0.7,
    "xtick.minor.size": 1.8,
    "xtick.minor.width": 0.6,
    "ytick.labelsize": 7.5,
    "ytick.major.size": 0,
}


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours of the figures; the palette (after Okabe and Ito) is safe for colour-blind eyes."""

    paper: str
    ink: str
    muted: str
    grid: str
    faint: str  # of lines that stand back
    palette: tuple[str, ...]


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2328",
    muted="#5c636b",
    grid="#e4e6e9",
    faint="#c6cad0",
    palette=(
        "#0072b2",
        "#d55e00",
        "#009e73",
        "#b2568c",
        "#c98a00",
        "#3c3f44",
        "#3f9fd6",
        "#7a5c00",
    ),
)
DARK = Theme(
    paper="#16191d",
    ink="#e6e8ea",
    muted="#a3aab2",
    grid="#2c3137",
    faint="#4a515a",
    palette=(
        "#5ab4ea",
        "#f28e4b",
        "#3ecf9f",
        "#e394c1",
        "#eebf4d",
        "#c5c9ce",
        "#9bd3f5",
        "#cdb36a",
    ),
)


def _colours(theme: Theme) -> list[bytes]:
    return [each.encode() for each in (*astuple(theme)[:-1], *theme.palette)]


_COLOUR = re.compile(rb"#[0-9a-f]{6}\b")
_DARK_FOR = dict(zip(_colours(LIGHT), _colours(DARK), strict=True))


@contextmanager
def drawing(theme: Theme, names: Iterable[str] = ()) -> Iterator[None]:
    """Draw in a theme: build and save figures inside; matplotlib's settings return afterwards.

    The user's own matplotlibrc has no say, so that figures are the same on every machine.
    names: the user's names in the figure, such as concepts. If the default font lacks one of their
    glyphs, an installed font that has it is used; if none has, a box is drawn.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(theme) | {"font.family": families_for(names)})
        yield


def new_figure(width: float, height: float, into: Figure | None = None) -> Figure:
    """Return an empty figure of this size in inches: `into`, laid out anew, or a new one."""
    if into is None:
        return Figure(figsize=(width, height), layout="constrained")
    into.set_size_inches(width, height)
    into.set_layout_engine("constrained")
    into.set_facecolor(mpl.rcParams["figure.facecolor"])
    into.set_dpi(mpl.rcParams["figure.dpi"])
    return into


def new_panels(
    rows: int, columns: int, into: Figure | None = None
) -> tuple[Figure, list[list[Axes]]]:
    """Return an empty figure of equal panels that share their x axis, as rows of columns.

    into: the figure to draw in; None makes one.
    """
    width, height = PANEL_INCHES
    figure = new_figure(columns * width, rows * height + 0.35, into)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    return figure, [list(row) for row in axes]


def scale_weights_left(axes: Axes, keeps: Sequence[float]) -> None:
    """Make x the percentage of weights left: logarithmic, falling to the right from 100.

    keeps: fractions in (0, 1]. Each has a tick; as many as fit are labelled with their value.
    """
    percents = sorted({round(100 * keep, 6) for keep in keeps} | {100.0}, reverse=True)
    labelled = spread_ticks(percents)
    axes.set_xscale("log")
    margin = max(1.03, (percents[0] / percents[-1]) ** 0.025)
    axes.set_xlim(percents[0] * margin, percents[-1] / margin)
    axes.xaxis.set_major_locator(FixedLocator(labelled))
    axes.xaxis.set_minor_locator(FixedLocator([p for p in percents if p not in labelled]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent_text(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def spread_ticks(percents: Sequence[float], most: int = 8) -> list[float]:
    """Choose from falling percentages those to label on a logarithmic axis.

    No two are closer than a `most`-th of the axis; the first and the last are always there.
    """
    apart = (percents[0] / percents[-1]) ** (1 / most) * (1 - 1e-9)
    chosen = [percents[0]]
    for percent in percents[1:]:
        if chosen[-1] / percent >= apart:
            chosen.append(percent)
    if chosen[-1] == percents[-1]:
        return chosen
    return [*(percent for percent in chosen if percent / percents[-1] >= apart), percents[-1]]


def percent_text(percent: float) -> str:
    """Write a percentage as the paper does: one decimal where it says something."""
    if percent < 1:
        return f"{percent:.2g}"
    return f"{percent:.1f}".removesuffix(".0")


def count_from_zero(panels: Sequence[Axes]) -> None:
    """Give panels one y scale that starts at 0, so that heights can be compared as shares."""
    highest = max(1.0, *(axes.dataLim.y1 for axes in panels))
    for axes in panels:
        axes.set_ylim(0, highest * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))


def show_percent(axes: Axes, *, least_span: float) -> None:
    """Label y in percent; y spans at least so many points, so that noise is not drawn tall."""
    low, high = axes.get_ylim()
    short = max(0.0, least_span - (high - low)) / 2
    axes.set_ylim(low - short, high + short)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))


def names_in(table: pd.DataFrame) -> Iterator[str]:
    """Yield the user's names in a table of levels: columns, layers and strategies."""
    yield from map(str, table.columns)
    for column in table.select_dtypes(["object", "string"]):
        yield from (printable(str(name)) for name in table[column].unique())


def figure_bytes(figure: Figure, forms: Sequence[str]) -> dict[str, bytes]:
    """Return a figure as png, svg or pdf, by form, without dates or versions.

    Equal input gives equal bytes. It is laid out once, for all forms.
    """
    for text in figure.findobj(Text):
        text.set_text(printable(text.get_text()))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    figure.set_dpi(_PIXELS_PER_INCH)
    contents = {}
    for form in forms:
        content = io.BytesIO()
        canvas = get_registered_canvas_class(form)(figure)
        draw = getattr(canvas, f"print_{form}")  # `savefig` would draw twice, to lay it out
        draw(content, metadata=_NO_NOISE[form])
        contents[form] = content.getvalue()
    return contents


def darkened(svg: bytes) -> bytes:
    """Return a figure in the light theme as it is in the dark one; other colours stay."""
    return _COLOUR.sub(lambda found: _DARK_FOR.get(found[0], found[0]), svg)


def _settings(theme: Theme) -> Any:
    return _SHAPES | {
        "axes.edgecolor": theme.muted,
        "axes.facecolor": theme.paper,
        "axes.labelcolor": theme.muted,
        "axes.titlecolor": theme.ink,
        "figure.facecolor": theme.paper,
        "grid.color": theme.grid,
        "legend.labelcolor": theme.ink,
        "lines.markeredgecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "text.color": theme.ink,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
    }
