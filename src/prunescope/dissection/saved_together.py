"""Which layers were saved together, and is each still there?"""

import json
from collections.abc import Collection
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.files import write_atomically
from prunescope.base.paths import is_there
from prunescope.base.results import LAYERS_FORM
from prunescope.base.saved import read_form
from prunescope.base.text import shortened

LAYERS = "layers.json"


def record_layers(folder: Path, layers: Collection[str]) -> None:
    """Write down which layers a dissection's folder holds, where there are several."""
    if len(layers) > 1:
        text = json.dumps({"layers": sorted(layers)}, ensure_ascii=False) + "\n"
        write_atomically(folder / LAYERS, text.encode())


def check_complete(folder: Path, there: Collection[str]) -> None:
    """Raise DataError where a layer that was saved with others is not beside them any more.

    there: the layers that are. The folder of a run, or of one layer, does not say.
    """
    if not is_there(folder / LAYERS):
        return
    named = read_form(folder / LAYERS, LAYERS_FORM)["layers"]
    missing = [layer for layer in named if layer not in there]
    if missing:
        raise DataError(
            f"{folder} lacks the layer {shortened(', '.join(missing))}, which {LAYERS} names: "
            "dissect again with the same --out, or give the folder of one layer"
        )
