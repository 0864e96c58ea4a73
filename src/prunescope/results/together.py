"""Which layers were saved together, with which files, and are all still present?"""

from collections.abc import Collection
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import is_there
from prunescope.base.text import shortened
from prunescope.results.checksums import FILES, checksums_of, write_record
from prunescope.results.layout import LAYERS, SUMMARY
from prunescope.results.reading import read_form
from prunescope.results.schemas import DISSECTION_FORM, LAYERS_FORM


def record_layers(folder: Path, layers: Collection[str]) -> None:
    """Record which layers a dissection's folder holds, and the checksums of their files."""
    files = (path for layer in layers for path in (folder / layer).iterdir())
    write_record(folder / LAYERS, {"layers": sorted(layers), FILES: checksums_of(folder, files)})


def record_layer_again(layer: Path) -> None:
    """Update the record of a layer whose folder was written anew beside other layers."""
    folder = layer.resolve().parent
    if not is_there(folder / LAYERS):
        return
    values = read_form(folder / LAYERS, LAYERS_FORM)
    if values.get(FILES) is None:
        return
    name = layer.resolve().name
    others = {
        file: digest for file, digest in values[FILES].items() if not file.startswith(f"{name}/")
    }
    files = others | checksums_of(folder, (folder / name).iterdir())
    layers = sorted({*values["layers"], name})
    write_record(folder / LAYERS, {"layers": layers, FILES: dict(sorted(files.items()))})


def check_complete(folder: Path, layers: Collection[Path]) -> None:
    """Raise DataError where a folder does not hold exactly the layers that were saved together.

    layers: the folders of those it holds. Folders of runs and of single layers have no record.
    """
    for layer in layers:
        _check_name(layer.resolve())
    present = [layer.resolve().name for layer in layers]
    if not is_there(folder / LAYERS):
        return
    named = read_form(folder / LAYERS, LAYERS_FORM)["layers"]
    missing = [layer for layer in named if layer not in present]
    if missing:
        raise DataError(
            f"{folder} lacks the layer {shortened(', '.join(missing))}, which {LAYERS} names: "
            "dissect again with the same --out, or give the folder of one layer"
        )
    unnamed = [layer for layer in present if layer not in named]
    if unnamed:
        raise DataError(
            f"{folder} holds the layer {shortened(', '.join(unnamed))}, which {LAYERS} does not "
            "name: dissect again with the same --out, or give the folder of one layer"
        )


def _check_name(folder: Path) -> None:
    """Raise DataError where a layer's folder is not named after its layer."""
    summary = folder / SUMMARY
    layer = read_form(summary, DISSECTION_FORM).get("layer") if is_there(summary) else None
    if layer not in (None, folder.name):
        raise DataError(
            f"{folder} was renamed: its {SUMMARY} says that it holds {shortened(str(layer))}; "
            "name it so again, or dissect again"
        )
