"""What is a dissection's result, in memory and on disk?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from prunescope.base.door import at_the_door, called_as, checked_path
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.files import write_atomically
from prunescope.base.folders import drafting, replacing
from prunescope.dissection.conventions import CONVENTIONS, EXACT, Centring
from prunescope.dissection.counts import by_layer
from prunescope.dissection.draws import Draws
from prunescope.dissection.input import Loaded, open_model
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.masking import DissectedUnits, UnitMasks, mask_pictures
from prunescope.dissection.notebook import show_layers
from prunescope.dissection.overlap import Overlap
from prunescope.dissection.saved_counts import check_fit, load_counts, save_counts
from prunescope.dissection.saved_draws import load_draws, save_draws
from prunescope.dissection.saved_together import check_complete, record_layer_again, record_layers
from prunescope.dissection.scores import iou_table
from prunescope.dissection.tables import parquet_bytes
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.pictures import Pictures
from prunescope.results.cells import csv_bytes
from prunescope.results.columns import where_there
from prunescope.results.layout import (
    COUNTS,
    EXAMPLES,
    IMAGES,
    LAYERS,
    OF_A_LAYER,
    SUMMARY,
    UNITS,
    UNITS_AS_TEXT,
)
from prunescope.results.reading import read_form, read_table
from prunescope.results.schemas import (
    EXAMPLE_COLUMNS,
    IMAGE_COLUMNS,
    UNIT_COLUMNS,
    WHOLE_DISSECTION_FORM,
)


@called_as('take one from a Dissection, as in dissection["layer4"], or ps.load its folder')
@dataclass(frozen=True, kw_only=True)
class LayerDissection:
    """One dissected layer.

    layer: its name in the network
    units: a row per unit: `unit`, `label` (number), `concept` (name), `category`, `iou`,
        `threshold`, the counts `intersection`, `activation` and `truth` in pixels,
        `interpretable`, `dead`, and each category's best label and IoU
    overlap: the counts behind it, of every unit with every label of the set
    examples: a row per unit and rank (0 the best): `image` (path in the set), `row` (its index),
        `peak` at the cell `peak_row`, `peak_column` of its activation map, which is flat, of
        `height` x `width` cells
    images: a row per image with what it added to the counts, see `ImageCounts.table`
    summary: the counts of `count_units`, and the conditions they hold under
    masks_kept, draws: where labels were permuted, what more draws begin with; not read by `load`
    """

    layer: str
    units: pd.DataFrame
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    summary: Mapping[str, Any]
    masks_kept: KeptMasks | None = None
    draws: Draws | None = None

    @property
    def iou(self) -> pd.DataFrame:
        """The IoU of every unit (a row) with every concept of the set (a column), in float64.

        It follows from the saved counts: IoU(k, c) = I / (A + G - I) (Bau et al. 2017;
        docs/method.md). Columns are the concepts' names, or (category, concept) where a name stands
        for two concepts; nan for a unit that never fires. Raises DataError for a result saved
        without the names of its labels.
        """
        return iou_table(self.overlap)

    @at_the_door
    def masks(
        self,
        model: nn.Module | Loaded,
        images: Pictures,
        units: int | Sequence[int],
        *,
        size: tuple[int, int] | None = None,
        batch_size: int = 32,
        device: str | torch.device | None = None,
    ) -> list[UnitMasks]:
        """Return where units fire on any images: a bool array (unit, height, width) for each.

        A mask is the unit's activation map, upsampled bilinearly, strictly above the threshold
        that was found in the dissection. Images are squashed and normalised as they were then.

        model: the network that was dissected, or what `prunescope.load` returns for it.
        images: one or several: files (turned upright as their EXIF says), Pillow images, uint8
            arrays (height, width, 3) or (height, width), tensors (3, height, width), uint8 or in
            [0, 1] and not normalised; an array or tensor with one axis more is a batch.
        units: a number or several, from 0; the first axis of each array follows them.
        size: height and width of the masks; each image's own when None.
        batch_size: images per forward pass. device: where the model is when None.
        Raises ConfigError for a unit, a layer or an image that cannot be, DataError for a file
        that cannot be read.
        """
        chosen = (units,) if isinstance(units, int | np.integer) else tuple(units)
        if not all(isinstance(unit, int | np.integer) for unit in chosen):
            raise ConfigError(f"units is {units!r}: give a number from 0, or several")
        count = len(self.overlap.thresholds)
        wrong = [unit for unit in chosen if not 0 <= unit < count]
        if wrong or not chosen:
            said = f"unit {wrong[0]} is asked for" if wrong else "no unit is asked for"
            raise ConfigError(f"{said}, but {self.layer} has units 0 to {count - 1:,}")
        dissected = DissectedUnits(
            layer=self.layer,
            units=tuple(int(unit) for unit in chosen),
            thresholds=self.overlap.thresholds[list(chosen)],
            input=NetworkInput.from_dict(self.summary["input"]),
            precision=self.summary["settings"]["precision"],
            channels_last=self.summary["settings"].get("channels_last", False),
            centring=centring_of(self.summary),
            axes=self.summary["settings"].get("axes"),
        )
        return mask_pictures(
            dissected,
            open_model(model)[0],
            images,
            size=size,
            batch_size=batch_size,
            device=device,
        )

    def __repr__(self) -> str:
        return f"LayerDissection({_in_a_line(self)})"

    def _repr_html_(self) -> str:
        return show_layers({self.layer: (self.units, self.summary)})

    def save(self, folder: Path | str, *, to_be_continued: bool = True) -> None:
        """Write the tables of units, examples and images, the counts and the summary.

        folder: made where it is not there. to_be_continued: where labels were permuted, also what
        more draws begin with. Raises ConfigError for what is no path, StoreError where the system
        refuses.
        """
        folder = checked_path("folder", folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / UNITS, parquet_bytes(self.units))
        write_atomically(folder / UNITS_AS_TEXT, csv_bytes(self.units))
        write_atomically(folder / EXAMPLES, parquet_bytes(self.examples))
        write_atomically(folder / IMAGES, parquet_bytes(self.images))
        save_counts(folder, self.layer, self.overlap)
        summary = json.dumps(self.summary, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / SUMMARY, summary.encode())
        if to_be_continued and self.masks_kept is not None and self.draws is not None:
            save_draws(folder, self.masks_kept, self.draws)
        record_layer_again(folder)

    def with_draws(self, folder: Path | str) -> "LayerDissection":
        """Return the same with what `save` wrote for more draws, which `load` leaves unread.

        Raises DataError where it is not there, or damaged.
        """
        masks, draws = load_draws(Path(folder), len(self.units))
        return replace(self, masks_kept=masks, draws=draws)

    @classmethod
    def load(cls, folder: Path | str) -> "LayerDissection":
        """Read what `save` wrote. Raises DataError naming the file that is missing or damaged."""
        folder = checked_path("folder", folder)
        layer, overlap = load_counts(folder)
        units = read_table(folder / UNITS, UNIT_COLUMNS)
        summary = read_form(folder / SUMMARY, WHOLE_DISSECTION_FORM)
        check_fit(folder, overlap, units, summary)
        return cls(
            layer=layer,
            units=units,
            overlap=overlap,
            examples=read_table(folder / EXAMPLES, where_there(EXAMPLE_COLUMNS)),
            images=read_table(folder / IMAGES, where_there(IMAGE_COLUMNS)),
            summary=summary,
        )


@called_as("ps.dissect returns one, and ps.load opens the folder of a saved one")
@dataclass(frozen=True, kw_only=True)
class Dissection:
    """The dissected layers of one network.

    layers: each by its name, in the order asked for; `dissection["layer4"]` is one of them.
    passes: how often the images were shown for each; empty where nobody knows any more.
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
            known, hint = ", ".join(self.layers), nearest(str(layer), self.layers)
            raise ConfigError(f'no layer "{layer}" was dissected{hint}: there is {known}')
        return self.layers[layer]

    @property
    def units(self) -> pd.DataFrame:
        """Every unit of every layer, one row each, the layer's name in the first column."""
        tables = []
        for name, dissected in self.layers.items():
            table = dissected.units.copy()
            table.insert(0, "layer", name)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def __repr__(self) -> str:
        return f"Dissection({'; '.join(map(_in_a_line, self.layers.values()))})"

    def _repr_html_(self) -> str:
        return show_layers({name: (own.units, own.summary) for name, own in self.layers.items()})

    def summary(self) -> dict[str, Any]:
        """Return `layers: {name: counts}`; where there is one layer, its counts at the top too.

        Counts: `units`, `interpretable`, `concepts`, `dead`, `by_category` the units and concepts
        of each category, `chance` what is due to it, where that was asked for, and the `iou` above
        which units are interpretable.
        """
        keys = ("units", "interpretable", "concepts", "dead", "by_category", "chance")
        return by_layer(
            {
                name: {key: dissected.summary[key] for key in keys if key in dissected.summary}
                | {"iou": dissected.summary["settings"]["iou"]}
                for name, dissected in self.layers.items()
            }
        )

    def save(self, folder: Path | str) -> None:
        """Write every layer into a folder of its name, all of them or none.

        A dissection that is there already is replaced as a whole: its layers do not stay beside
        the new ones. Raises ConfigError as `check_room` does.
        """
        folder = checked_path("folder", folder)
        check_room(folder)
        with replacing(folder) as draft:
            for name, dissected in self.layers.items():
                dissected.save(draft / name)
            record_layers(draft, self.layers)


def centring_of(summary: Mapping[str, Any]) -> Centring:
    """Return where the centres of a layer's cells lay when it was counted.

    summary: of a layer. One that states no convention was counted by our own definitions.
    """
    return CONVENTIONS[summary.get("convention", EXACT.name)].centring


def check_room(folder: Path) -> None:
    """Raise ConfigError where no dissection can be saved, or where it would replace other things.

    Nothing but a dissection may be there: layers' folders with the files of `save` alone.
    """
    with drafting(folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file: give a folder as --out")
        for entry in sorted(folder.iterdir()) if folder.exists() else ():
            if entry.name == LAYERS:
                continue
            files = {path.name for path in entry.iterdir()} if entry.is_dir() else set()
            if not files & {UNITS, COUNTS, SUMMARY} or not files <= OF_A_LAYER:
                other = min(files - OF_A_LAYER, default="")
                raise ConfigError(
                    f"{folder} is not empty and not a dissection (it holds "
                    f"{Path(entry.name, other)}): give another --out"
                )


def _in_a_line(layer: LayerDissection) -> str:
    found = "{interpretable:,} of {units:,} units interpretable, {concepts:,} concepts"
    return f"{layer.layer}: {found.format_map(layer.summary)}"
