"""In which panels are the levels of a study shown?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.report.curves import strategies_of
from prunescope.report.lines import draw_curves
from prunescope.report.settings import Lines
from prunescope.report.style import Theme, new_panels, scale_weights_left

WIDEST = 4  # panels beside each other
_TOGETHER = 3  # strategies that one panel can show


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the figures are drawn from, and how.

    levels: the table of levels. twins: that of dense twins, if there are any. units: every unit of
    every level, twin_units: of every twin. classes and quantiles: the tables of that name, for
    figures of these. outcomes: of concepts, how sure these are.
    """

    levels: pd.DataFrame
    twins: pd.DataFrame | None = None
    lines: Lines = "means"
    units: pd.DataFrame | None = None
    twin_units: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    classes: pd.DataFrame | None = None
    quantiles: pd.DataFrame | None = None

    @property
    def layers(self) -> list[str]:
        """The layers, in the order of the table."""
        return [str(name) for name in self.levels["layer"].unique()]

    @property
    def strategies(self) -> list[str]:
        """The strategies, in the order of the table."""
        return strategies_of(self.levels)

    @property
    def per_row(self) -> int:
        """How many panels of strategies stand beside each other; 0 where one shows them all."""
        count = len(self.strategies)
        return 0 if count <= _TOGETHER else math.ceil(count / math.ceil(count / WIDEST))


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A column of the table of levels, and its title. is_share: it is drawn in percent."""

    column: str
    title: str
    is_share: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one panel shows. strategies: those that stand out. layer: empty where it is for all."""

    axes: Axes
    quantity: Quantity
    layer: str
    strategies: Sequence[str]


def blocks_of(
    shown: Shown,
    quantities: Sequence[Quantity],
    into: Figure | None,
    layers: Sequence[str] | None = None,
) -> tuple[Figure, list[list[list[Panel]]]]:
    """Return a figure, and its panels by layer and quantity, those of a quantity in one list.

    Where one panel shows all strategies, quantities stand beside each other; else strategies do.
    layers: the shown ones, unless given.
    """
    names = list(shown.layers if layers is None else layers)
    if not shown.per_row:
        figure, grid = new_panels(len(names), len(quantities), into)
        return figure, [
            [
                [_of_all(axes, quantity, layer, shown)]
                for axes, quantity in zip(row, quantities, strict=True)
            ]
            for row, layer in zip(grid, names, strict=True)
        ]
    rows = math.ceil(len(shown.strategies) / shown.per_row)
    figure, grid = new_panels(len(names) * len(quantities) * rows, shown.per_row, into)
    lines = iter(grid)
    return figure, [
        [
            list(_each_strategy(lines, rows, quantity, layer, shown, shown.per_row))
            for quantity in quantities
        ]
        for layer in names
    ]


def strategy_panels(
    shown: Shown, quantity: str, into: Figure | None
) -> tuple[Figure, list[list[Panel]]]:
    """Return a figure with a panel for each strategy, in one list for each layer."""
    count = len(shown.strategies)
    rows = math.ceil(count / WIDEST)
    per_row = math.ceil(count / rows)
    figure, grid = new_panels(len(shown.layers) * rows, per_row, into)
    lines, of = iter(grid), Quantity(column="", title=quantity)
    return figure, [
        list(_each_strategy(lines, rows, of, layer, shown, per_row)) for layer in shown.layers
    ]


def draw_panel(panel: Panel, shown: Shown, theme: Theme) -> None:
    """Draw a panel's quantity against weights left."""
    quantity = panel.quantity
    draw_curves(
        panel.axes,
        of_layer(shown.levels, panel.layer),
        quantity.column,
        theme,
        lines=shown.lines,
        scale=100.0 if quantity.is_share else 1.0,
        bounds=(0.0, 1.0 if quantity.is_share else math.inf),
        shown=panel.strategies,
    )


def _of_all(axes: Axes, quantity: Quantity, layer: str, shown: Shown) -> Panel:
    """Return a panel for all strategies."""
    axes.set_title(_title(quantity, layer))
    return Panel(axes=axes, quantity=quantity, layer=layer, strategies=shown.strategies)


def _each_strategy(
    lines: Iterator[list[Axes]],
    rows: int,
    quantity: Quantity,
    layer: str,
    shown: Shown,
    per_row: int,
) -> Iterator[Panel]:
    """Yield a panel for each strategy, from the next rows of a grid."""
    places = [axes for _ in range(rows) for axes in next(lines)]
    for left_over in places[len(shown.strategies) :]:
        left_over.remove()
    for index, (axes, strategy) in enumerate(zip(places, shown.strategies, strict=False)):
        axes.set_title(strategy)
        if index % per_row == 0:
            axes.set_ylabel(_title(quantity, layer, "\n"))
        yield Panel(axes=axes, quantity=quantity, layer=layer, strategies=[strategy])


def _title(quantity: Quantity, layer: str, between: str = ", ") -> str:
    return between.join(part for part in (quantity.title, layer) if part)


def of_layer(levels: pd.DataFrame, layer: str) -> pd.DataFrame:
    """Return the rows of a layer; without a name those of the first."""
    return levels[levels["layer"] == (layer or levels["layer"].iloc[0])]


def finish(figure: Figure, shown: Shown) -> None:
    """Scale x in all panels, and name it below the last panel of each column."""
    last: dict[int, Axes] = {}
    for axes in figure.axes:
        scale_weights_left(axes, shown.levels["keep"].tolist())
        place = axes.get_subplotspec()
        assert place is not None  # they are on a grid
        last[place.colspan.start] = axes
    for axes in last.values():
        axes.set_xlabel("weights left (%)")
        axes.tick_params(labelbottom=True)  # also above a panel that was left over


def has_chance(levels: pd.DataFrame) -> bool:
    """Return whether the table says what chance would leave, which earlier versions did not."""
    return "still_interpretable_chance" in levels
