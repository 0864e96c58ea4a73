"""How does a figure of results become axes of pyplot, which a notebook shows?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Shaped
from matplotlib import pyplot
from matplotlib.figure import Figure

from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind
from prunescope.report.style import LIGHT, Theme, drawing
from prunescope.results.dissection import Dissection, LayerDissection

Layers = Dissection | LayerDissection | Mapping[str, LayerDissection]
"""One layer or several: those of a dissection, or layers by names of one's own."""
Panels = Shaped[np.ndarray, "row column"]
"""Axes of matplotlib; None where a grid has an empty place."""


@contextmanager
def shown_figure(names: Iterable[str] = ()) -> Iterator[Figure]:
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


def named_layers(results: Layers) -> Mapping[str, LayerDissection]:
    """Return layers by name. Raises ConfigError for anything else, and for none."""
    layers = {results.layer: results} if isinstance(results, LayerDissection) else results
    if isinstance(layers, Dissection):
        layers = layers.layers
    if not isinstance(layers, Mapping) or not layers:
        raise ConfigError(f"{a_kind(results)} is no dissection: give one, or layers by name")
    for name, layer in layers.items():
        if not isinstance(layer, LayerDissection):
            raise ConfigError(f'"{name}" is {a_kind(layer)}, but must be a layer of a dissection')
    return layers
