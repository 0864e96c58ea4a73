"""What is a dissection's result, in memory and on disk?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from prunescope.base.arrays import save_arrays
from prunescope.base.door import at_the_door, called_as, checked_path
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.folders import replacing
from prunescope.base.hooks import hook
from prunescope.base.text import counted, on_one_line, shortened
from prunescope.results.agreement import check_layer, check_overlap
from prunescope.results.basis import Directions, load_basis, save_basis
from prunescope.results.by_image import load_by_image, save_by_image
from prunescope.results.formulas import KEY as FORMULAS_STATED
from prunescope.results.formulas import formula_counts, load_formulas, save_formulas
from prunescope.results.label_check import KEY as LABEL_CHECK
from prunescope.results.label_check import label_check_counts, were_checked
from prunescope.results.labelled_by import LABELLED_BY
from prunescope.results.layout import (
    COUNTS,
    DRAWS,
    MASKS,
    SUMMARY,
    UNITS,
    UNITS_AS_TEXT,
    names_a_folder,
)
from prunescope.results.left_out import LEFT_OUT, names_left_out
from prunescope.results.overlap import Overlap, load_overlap, save_overlap
from prunescope.results.quantiles import load_quantiles, quantile_curve, save_quantiles
from prunescope.results.reading import read_form, read_table
from prunescope.results.room import check_room
from prunescope.results.schemas import UNIT_COLUMNS, WHOLE_DISSECTION_FORM
from prunescope.results.tables import write_csv, write_json, write_parquet
from prunescope.results.together import check_complete, record_layer_again, record_layers
from prunescope.results.units import (
    IOUS,
    by_layer,
    count_units,
    rows_of,
    stacked,
    threshold_curve,
)
from prunescope.results.words import OF_WORDS, load_words, save_words


@dataclass(frozen=True, kw_only=True)
class DrawnChance:
    """What more draws of chance start from: a row of masks per image, and the earlier draws."""

    masks: pd.DataFrame
    draws: Mapping[str, np.ndarray]


@called_as('take one from a Dissection, as in dissection["layer4"], or ps.load its folder')
@dataclass(frozen=True, kw_only=True)
class LayerDissection:
    """One dissected layer.

    layer: its name in the network
    units: a row per unit: `unit`, `label` (number), `concept` (name), `category`, `iou`,
        `threshold`, the counts `intersection`, `activation` and `truth` in pixels,
        `interpretable`, `dead`, `pearson` and `auprc` unless they were left out, and each
        category's best label and IoU
    overlap: the counts behind it, of every unit with every label of the set
    examples: a row per unit and rank (0 the best): `image` (path in the set), `row` (its index),
        `peak` at the cell `peak_row`, `peak_column` of its activation map, which is flat, of
        `height` x `width` cells
    images: a row per image with what it added to the counts, see `ImageCounts.table`
    summary: the counts of `count_units`, and the conditions under which they were made
    borderline: as `examples`, the images on which a unit's mask is smallest but not empty (rank 0
        the smallest): `pixels` of the mask. peaks: a row per unit, how many images its activation
        peaks on at which value: `counts` in bins of `bin_width`, the first from `first_bin` *
        `bin_width` on. Both are empty for results of earlier versions.
    basis: where directions were dissected, which the tables call units, the weights of each
    quantiles: where other quantiles were counted, too, a row for each and unit: its `threshold`,
        and `C_label` (a number) and `C_iou`, the best label of each category C
    formulas: where they were searched for, a row for each unit and length: the best `formula`, its
        `iou` and counts, and `p` if the search was repeated with permuted labels
    words: where units were given words, a row for each unit, see docs/words.md
    drawn: where labels were permuted, returns what more draws start from; not read by `load`
    """

    layer: str
    units: pd.DataFrame
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    summary: Mapping[str, Any]
    borderline: pd.DataFrame = field(default_factory=pd.DataFrame)
    peaks: pd.DataFrame = field(default_factory=pd.DataFrame)
    basis: Directions | None = None
    quantiles: pd.DataFrame | None = None
    formulas: pd.DataFrame | None = None
    words: pd.DataFrame | None = None
    drawn: Callable[[], DrawnChance] | None = None

    @property
    def iou(self) -> pd.DataFrame:
        """The IoU of every unit (a row) with every concept of the set (a column), in float64.

        It follows from the saved counts: IoU(k, c) = I / (A + G - I) (Bau et al. 2017;
        docs/method.md). Columns are the concepts' names, or (category, concept) where a name stands
        for two concepts; nan for a unit that never fires. Raises DataError for a result saved
        without the names of its labels.
        """
        table = self.overlap.iou_table()
        return table.set_axis(pd.Index(self.units["unit"], name="unit"), axis=0)

    @at_the_door
    def masks(
        self,
        model: Any,
        images: Any,
        units: int | Sequence[int],
        *,
        size: tuple[int, int] | None = None,
        batch_size: int = 32,
        device: Any = None,
    ) -> list[np.ndarray]:
        """Return where units fire on any images: a bool array (unit, height, width) for each.

        A mask is the unit's activation map, upsampled bilinearly, strictly above the threshold
        that was found in the dissection. Images are squashed and normalised as they were then.

        model: the network that was dissected, or what `prunescope.load` returns for it.
        images: one or several: files (turned upright as their EXIF says), Pillow images, uint8
            arrays (height, width, 3) or (height, width), tensors (3, height, width), uint8 or in
            [0, 1] and not normalised; an array or tensor with one axis more is a batch.
        units: a number or several, as in the table of units, which the first axis of each array
            follows.
        size: height and width of the masks; each image's own when None.
        batch_size: images per forward pass. device: where the model is when None.
        Raises ConfigError for a unit, a layer or an image that cannot be, DataError for a file
        that cannot be read.
        """
        masks: list[np.ndarray] = hook("unit_masks")(
            self, model, images, units, size=size, batch_size=batch_size, device=device
        )
        return masks

    def rows_of(self, units: int | Sequence[int]) -> list[int]:
        """Return the rows of units in the tables and counts, given one number or several.

        Raises ConfigError for one that was not dissected, and for none.
        """
        return rows_of(self.units, units, self.layer)

    def counts(self, iou: float | None = None) -> dict[str, Any]:
        """Return numbers of units and concepts, not of pixels (`overlap` holds those).

        They are those of `count_units` with their `iou`, and `chance`, `formulas`, `basis`,
        `words`, `label_check`, the images `left_out` and the networks by which labels were made
        (`labelled_by`) where there are any.
        iou: a unit is interpretable if its best IoU is strictly above this; None stands for the
        one that was saved, at which alone it is known what is due to chance.
        """
        saved, chance = (self.summary.get("settings") or {}).get("iou"), self.summary.get("chance")
        above, curve = saved if iou is None else iou, self.quantile_curve(iou)
        return {
            **count_units(self.units, iou=iou),
            **({"chance": chance} if chance is not None and above == saved else {}),
            **({} if above is None else {"iou": above}),
            **({"basis": self.summary["basis"]} if self.summary.get("basis") else {}),
            **{
                key: self.summary[key]
                for key in (LEFT_OUT, LABELLED_BY, OF_WORDS)
                if self.summary.get(key)
            },
            **self._counts_of_formulas(above, saved),
            **self._counts_of_label_check(above),
            **({} if curve is None else {"quantiles": curve.to_dict("records")}),
        }

    def _counts_of_formulas(self, above: float | None, saved: float | None) -> dict[str, Any]:
        """Return what longer formulas gain; what is expected by chance for the saved IoU alone."""
        if self.formulas is None:
            return {}
        stated = dict(self.summary[FORMULAS_STATED])
        if above != saved:
            stated.pop("expected", None)
        return {FORMULAS_STATED: formula_counts(self.formulas, stated, above)}

    def _counts_of_label_check(self, above: float | None) -> dict[str, Any]:
        stated = self.summary.get(LABEL_CHECK)
        if stated is None or above is None:
            return {}
        if not were_checked(self.units):
            raise DataError(
                f"{UNITS} of {self.layer} is damaged: it lacks what was found of labels that its "
                f"{SUMMARY} says were checked; dissect again"
            )
        return {LABEL_CHECK: label_check_counts(self.units, stated, above)}

    def curve(self, ious: Sequence[float] = IOUS) -> pd.DataFrame:
        """Return how many units and concepts are above each IoU threshold.

        Columns `iou`, `interpretable`, `concepts`. Each unit keeps its best label.
        ious: thresholds, from 0 to 0.3 in steps of 0.005 unless given.
        """
        return threshold_curve(self.units, ious)

    def quantile_curve(self, iou: float | None = None) -> pd.DataFrame | None:
        """Return how many units and concepts there are at each quantile that was counted.

        Columns `quantile`, `interpretable`, `concepts`; None where there is one quantile only.
        iou: a unit is interpretable strictly above it; the one that was saved when None.
        """
        return (
            None
            if self.quantiles is None
            else quantile_curve(self.units, self.quantiles, self.summary["settings"], iou)
        )

    @at_the_door
    def resample(self, *, iou: float | None = None, **settings: Any) -> Any:
        """Return how sure the counts and the units' concepts are, as a ResampledLayer.

        iou: a unit is interpretable strictly above it; the one that was saved when None.
        settings: `draws` and `seed`, as `compare` takes them.
        Raises ConfigError for settings that cannot be, DataError for a result without the counts
        of every image.
        """
        return hook("resample")(self, iou=iou, **settings)

    def __repr__(self) -> str:
        return f"LayerDissection({_in_a_line(self)})"

    def _repr_html_(self) -> str:
        return cast(str, hook("html")(Dissection(layers={self.layer: self})))

    def save(self, folder: Path | str) -> None:
        """Write the tables of units, examples and images, the counts and the summary.

        Where labels were permuted, also what more draws begin with. folder: made where it is not
        there. Raises ConfigError for what is no path, StoreError where the system refuses.
        """
        folder = checked_path("folder", folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_by_image(folder, self)
        save_overlap(folder, self.layer, self.overlap)
        save_basis(folder, self.basis)
        save_quantiles(folder, self.quantiles)
        save_words(folder, self.words)
        self.save_scores(folder)
        if self.drawn is not None:
            drawn = self.drawn()
            write_parquet(folder / MASKS, drawn.masks, "zstd")
            save_arrays(folder / DRAWS, drawn.draws)
        record_layer_again(folder)

    def save_scores(self, folder: Path) -> None:
        """Write the tables of units and formulas, and the summary, into an existing folder."""
        write_parquet(folder / UNITS, self.units, "zstd")
        write_csv(folder / UNITS_AS_TEXT, self.units)
        write_json(folder / SUMMARY, self.summary)
        save_formulas(folder, self.formulas)

    @classmethod
    def load(cls, folder: Path | str) -> "LayerDissection":
        """Read what `save` wrote, all of it at once.

        For whoever works with a layer in Python. Commands that need only some of its files read
        each when something asks for it, with `open_layer`.
        Raises DataError naming the file that is missing or damaged.
        """
        folder = checked_path("folder", folder)
        layer, overlap = load_overlap(folder)
        units = read_table(folder / UNITS, UNIT_COLUMNS)
        summary = read_form(folder / SUMMARY, WHOLE_DISSECTION_FORM)
        check_layer(folder, units, summary)
        check_overlap(folder, overlap, units, summary)
        return cls(
            layer=layer,
            units=units,
            overlap=overlap,
            **load_by_image(folder),
            summary=summary,
            basis=load_basis(folder, summary),
            quantiles=load_quantiles(folder, summary),
            formulas=load_formulas(folder, summary, units),
            words=load_words(folder, units, summary),
        )


@called_as("ps.dissect returns one, and ps.load opens the folder of a saved one")
@dataclass(frozen=True, kw_only=True)
class Dissection:
    """The dissected layers of one network.

    layers: each by its name, in the order asked for; `dissection["layer4"]` is one of them.
    passes: how often the images were shown for each; empty if unknown.
    """

    layers: Mapping[str, LayerDissection]
    passes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path | str) -> "Dissection":
        """Read what `save` wrote: every layer's folder in it, by name.

        Raises DataError where there is none, or a file is missing or damaged.
        """
        folder = checked_path("folder", folder)
        folders = sorted(path.parent for path in folder.glob(f"*/{COUNTS}"))
        if not folders:
            raise DataError(f"{folder} holds no dissection: no folder in it has an {COUNTS}")
        check_complete(folder, folders)
        read = [LayerDissection.load(path) for path in folders]
        return cls(layers={layer.layer: layer for layer in read})

    def __getitem__(self, layer: str) -> LayerDissection:
        """Return a layer by its name. Raises ConfigError naming the nearest one."""
        if not isinstance(layer, str) or layer not in self.layers:
            available, hint = ", ".join(self.layers), nearest(str(layer), self.layers)
            raise ConfigError(f'no layer "{layer}" was dissected{hint}: there is {available}')
        return self.layers[layer]

    @property
    def units(self) -> pd.DataFrame:
        """Every unit of every layer, one row each, the layer's name in the first column."""
        return stacked(["layer"], {(name,): layer.units for name, layer in self.layers.items()})

    def summary(self, iou: float | None = None) -> dict[str, Any]:
        """Return `layers: {name: counts}`; where there is one layer, its counts at the top too.

        Counts: those of `LayerDissection.counts`, `by_category` the units and concepts of each.
        """
        return by_layer({name: layer.counts(iou) for name, layer in self.layers.items()})

    def save(self, folder: Path | str) -> None:
        """Write every layer into a folder of its name, all of them or none.

        A dissection that is there already is replaced as a whole: its layers do not stay beside
        the new ones. Raises ConfigError as `check_room` does, and for a layer whose name no folder
        can have.
        """
        folder = checked_path("folder", folder)
        check_room(folder)
        for name in self.layers:
            if not names_a_folder(name):
                raise ConfigError(
                    f'the layer "{on_one_line(shortened(name))}" has a name that no folder can '
                    "have, so it cannot be saved: give its module another name"
                )
        with replacing(folder) as draft:
            for name, layer in self.layers.items():
                layer.save(draft / name)
            record_layers(draft, self.layers)

    def __repr__(self) -> str:
        return f"Dissection({'; '.join(map(_in_a_line, self.layers.values()))})"

    def _repr_html_(self) -> str:
        return cast(str, hook("html")(self))


def _in_a_line(layer: LayerDissection) -> str:
    counts = "{interpretable:,} of {units:,} units interpretable, {concepts:,} concepts"
    images = len(names_left_out(layer.summary))
    left_out = f", {counted(images, 'broken image')} left out" if images else ""
    return f"{layer.layer}: {counts.format_map(layer.summary)}{left_out}"
