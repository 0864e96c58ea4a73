"""How does a figure become axes of pyplot, which a notebook shows?"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Shaped
from matplotlib import pyplot
from matplotlib.figure import Figure

from prunescope.report.style import LIGHT, Theme, drawing

Panels = Shaped[np.ndarray, "row column"]
"""Axes of matplotlib; None where a grid has an empty place."""


@contextmanager
def shown_figure(names: Iterable[str]) -> Iterator[Figure]:
    """Draw in the light theme, inside, on a figure that a notebook shows. names: as `drawing`.

    pyplot starts its backend with the first figure, and what the backend then sets, in a notebook
    that figures are shown, must not be taken back with matplotlib's other settings afterwards.
    """
    figure = pyplot.figure()
    with drawing(LIGHT, names):
        yield figure


def draw_on_axes(
    draw: Callable[[Any, Theme, Figure], Figure], values: Any, names: Iterable[str]
) -> Panels:
    with shown_figure(names) as empty:
        figure = draw(values, LIGHT, empty)
    grid = figure.axes[0].get_gridspec()
    assert grid is not None  # all figures have panels
    panels = np.full((grid.nrows, grid.ncols), None, object)  # of which some may be left over
    for axes in figure.axes:
        place = axes.get_subplotspec()
        assert place is not None
        panels[place.rowspan.start, place.colspan.start] = axes
    return panels
