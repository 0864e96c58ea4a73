"""What is a dissection's result, in memory and on disk?"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import write_atomically
from prunescope.base.folders import drafting, replacing
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors
from prunescope.dissection.counts import by_layer
from prunescope.dissection.overlap import Overlap

_UNITS = "units.parquet"
_OVERLAP = "overlap.safetensors"
_EXAMPLES = "examples.parquet"
_IMAGES = "images.parquet"
_SUMMARY = "summary.json"
_FILES = {_UNITS, "units.csv", _OVERLAP, _EXAMPLES, _IMAGES, _SUMMARY}
_NAMES = "dissection"


@dataclass(frozen=True, kw_only=True)
class LayerDissection:
    """One dissected layer.

    units: a row per unit, as `score_units` makes it
    overlap: the counts behind it, of every unit with every label of the set
    examples: a row per unit and rank (0 the best): `image` (path in the set), `row` (its index),
        `peak` at the cell `peak_row`, `peak_column` of its activation map, which is flat, of
        `height` x `width` cells
    images: a row per image with what it added to the counts, see `ImageCounts.table`
    summary: the counts of `count_units`, and the conditions they hold under
    """

    layer: str
    units: pd.DataFrame
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    summary: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write the tables of units, examples and images, the counts and the summary."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / _UNITS, _parquet(self.units))
        text = self.units.to_csv(index=False, lineterminator="\n")
        write_atomically((folder / _UNITS).with_suffix(".csv"), text.encode())
        write_atomically(folder / _EXAMPLES, _parquet(self.examples))
        write_atomically(folder / _IMAGES, _parquet(self.images))
        tensors = {
            name: value for name, value in vars(self.overlap).items() if name != "categories"
        }
        names = {"categories": self.overlap.categories, "layer": self.layer}
        save_tensors(folder / _OVERLAP, tensors, {_NAMES: json.dumps(names)})
        summary = json.dumps(self.summary, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / _SUMMARY, summary.encode())

    @classmethod
    def load(cls, folder: Path) -> "LayerDissection":
        """Read what `save` wrote. Raises DataError naming the file that is missing or damaged."""
        metadata = load_metadata(folder / _OVERLAP)
        tensors = load_tensors(folder / _OVERLAP)
        try:
            names = json.loads(metadata[_NAMES])
            overlap = Overlap(**tensors, categories=tuple(names["categories"]))
            layer = names["layer"]
        except (KeyError, TypeError):
            raise DataError(f"{folder / _OVERLAP} holds no counts of a dissection") from None
        return cls(
            layer=layer,
            units=_read_table(folder / _UNITS),
            overlap=overlap,
            examples=_read_table(folder / _EXAMPLES),
            images=_read_table(folder / _IMAGES),
            summary=_read_summary(folder / _SUMMARY),
        )


@dataclass(frozen=True, kw_only=True)
class Dissection:
    """The dissected layers of one network, in the order asked for.

    passes: how often the images were shown for each layer; empty where nobody knows any more.
    """

    layers: Mapping[str, LayerDissection]
    passes: Mapping[str, int] = field(default_factory=dict)

    @property
    def units(self) -> pd.DataFrame:
        """Every unit of every layer, one row each, the layer's name in the first column."""
        tables = []
        for name, dissected in self.layers.items():
            table = dissected.units.copy()
            table.insert(0, "layer", name)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def summary(self) -> dict[str, Any]:
        """Return the counts of every layer, as `by_layer` gives them."""
        keys = ("units", "interpretable", "concepts", "dead", "by_category", "chance")
        return by_layer(
            {
                name: {key: dissected.summary[key] for key in keys if key in dissected.summary}
                for name, dissected in self.layers.items()
            }
        )

    def save(self, folder: Path) -> None:
        """Write every layer into a folder of its name, all of them or none.

        A dissection that is there already is replaced as a whole: its layers do not stay beside
        the new ones. Raises ConfigError as `check_room` does.
        """
        check_room(folder)
        with replacing(folder) as draft:
            for name, dissected in self.layers.items():
                dissected.save(draft / name)


def check_room(folder: Path) -> None:
    """Raise ConfigError where no dissection can be saved, or where it would replace other things.

    Nothing but a dissection may be there: layers' folders with the files of `save` alone.
    """
    with drafting(folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file: give a folder as --out")
        for entry in sorted(folder.iterdir()) if folder.exists() else ():
            files = {path.name for path in entry.iterdir()} if entry.is_dir() else set()
            if _SUMMARY not in files or not files <= _FILES:
                other = min(files - _FILES, default="")
                raise ConfigError(
                    f"{folder} is not empty and not a dissection (it holds "
                    f"{Path(entry.name, other)}): give another --out"
                )


def _parquet(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_parquet(content, index=False, compression="zstd")
    return content.getvalue()


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _read_summary(path: Path) -> dict[str, Any]:
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return summary
