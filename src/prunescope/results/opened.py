"""Which dissected layers does a path hold, each file read only when something asks for it?"""

from functools import cached_property
from pathlib import Path

import pandas as pd

from prunescope.base.errors import ConfigError, DataError
from prunescope.results.agreement import check_layer, check_overlap
from prunescope.results.basis import Directions, load_basis
from prunescope.results.by_image import BORDERLINE_COLUMNS, PEAK_COLUMNS
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.formulas import load_formulas
from prunescope.results.kinds import holds_weights, layer_folders
from prunescope.results.layout import BORDERLINE, EXAMPLES, IMAGES, PEAKS, SUMMARY, UNITS
from prunescope.results.netdissect import TABLE_IOU, read_netdissect
from prunescope.results.overlap import Overlap, load_overlap
from prunescope.results.quantiles import load_quantiles
from prunescope.results.reading import read_form, read_if_there, read_table
from prunescope.results.schemas import (
    DISSECTION_FORM,
    EXAMPLE_COLUMNS,
    IMAGE_COLUMNS,
    UNIT_COLUMNS,
)
from prunescope.results.words import load_words


def open_dissection(path: Path) -> Dissection:
    """Open any saved dissection.

    path: a dissection's folder (one folder per layer in it), one layer's folder, a level's of a
    run, or a CSV of Network Dissection (2017) or NetDissect-Lite. Such a CSV becomes one layer
    named after the file, its units (from 1 there) count from 0, it has no label numbers and no
    thresholds, and `interpretable` is at 0.05, as in Frankle & Bau (2019); those tools report 0.04.
    Raises DataError for anything else, and where units or a summary are damaged.
    """
    layers = [_TableLayer(path)] if path.is_file() else map(open_layer, layer_folders(path))
    return Dissection(layers={layer.layer: layer for layer in layers})


def open_layer(folder: Path) -> LayerDissection:
    """Open the folder of one layer, whose counts, examples and images are read on first use.

    A result of an earlier version may lack the tables of images, borderline images and peaks, which
    are empty then.

    For commands that show or compare saved results and rarely need every file. To have, and check,
    all of a layer in memory, use `LayerDissection.load`.
    Raises DataError where units or summary are damaged.
    """
    return _SavedLayer(folder)


def is_table(layer: LayerDissection) -> bool:
    """Return whether a layer is a table of Network Dissection, which has units alone."""
    return isinstance(layer, _TableLayer)


class _SavedLayer(LayerDissection):
    """A layer on disk, whose tables other than that of units are read on first use."""

    _folder: Path

    def __init__(self, folder: Path) -> None:
        units = read_table(folder / UNITS, UNIT_COLUMNS)
        summary = read_form(folder / SUMMARY, DISSECTION_FORM)
        check_layer(folder, units, summary)
        layer = folder.resolve().name
        vars(self).update(_folder=folder, layer=layer, units=units, summary=summary)

    @cached_property
    def overlap(self) -> Overlap:
        _, overlap = load_overlap(self._folder)
        check_overlap(self._folder, overlap, self.units, self.summary)
        return overlap

    @cached_property
    def examples(self) -> pd.DataFrame:
        return read_table(self._folder / EXAMPLES, EXAMPLE_COLUMNS)

    @cached_property
    def basis(self) -> Directions | None:
        return load_basis(self._folder, self.summary)

    @cached_property
    def quantiles(self) -> pd.DataFrame | None:
        return load_quantiles(self._folder, self.summary)

    @cached_property
    def formulas(self) -> pd.DataFrame | None:
        return load_formulas(self._folder, self.summary, self.units)

    @cached_property
    def words(self) -> pd.DataFrame | None:
        return load_words(self._folder, self.units, self.summary)

    @cached_property
    def images(self) -> pd.DataFrame:
        return read_if_there(self._folder / IMAGES, IMAGE_COLUMNS)

    @cached_property
    def borderline(self) -> pd.DataFrame:
        return read_if_there(self._folder / BORDERLINE, BORDERLINE_COLUMNS)

    @cached_property
    def peaks(self) -> pd.DataFrame:
        return read_if_there(self._folder / PEAKS, PEAK_COLUMNS)


class _TableLayer(LayerDissection):
    """A table of Network Dissection, which does not state under which conditions it was made."""

    def __init__(self, path: Path) -> None:
        if holds_weights(path):
            raise DataError(
                f"{path} holds a network's weights, not a dissection: `dissect` it first; or "
                "`compare` two such files with --layer and --concepts"
            )
        summary = {"settings": {"iou": TABLE_IOU}}
        unknown = pd.DataFrame()
        vars(self).update(
            layer=path.stem,
            units=read_netdissect(path),
            summary=summary,
            images=unknown,
            borderline=unknown,
            peaks=unknown,
            words=None,
        )

    @property
    def overlap(self) -> Overlap:
        raise ConfigError(
            "a table of Network Dissection holds each unit's best labels only, not its IoU with "
            "every label: units cannot be matched by their profiles; compare with --match concept"
        )
