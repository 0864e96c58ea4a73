"""Where does a dissected unit fire on any picture?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.dissection.conventions import centring_of
from prunescope.dissection.given import Pictures
from prunescope.dissection.input import InputForm, Loaded, open_model
from prunescope.dissection.masking import Looking, UnitMasks, mask_pictures
from prunescope.results.dissection import LayerDissection


def unit_masks(
    layer: LayerDissection,
    model: nn.Module | Loaded,
    images: Pictures,
    units: int | Sequence[int],
    *,
    size: tuple[int, int] | None,
    batch_size: int,
    device: str | torch.device | None,
) -> list[UnitMasks]:
    """Return the masks that `LayerDissection.masks` describes."""
    chosen = (units,) if isinstance(units, int | np.integer) else tuple(units)
    if not all(isinstance(unit, int | np.integer) for unit in chosen):
        raise ConfigError(f"units is {units!r}: give a number from 0, or several")
    count = len(layer.overlap.thresholds)
    wrong = [unit for unit in chosen if not 0 <= unit < count]
    if wrong or not chosen:
        said = f"unit {wrong[0]} is asked for" if wrong else "no unit is asked for"
        raise ConfigError(f"{said}, but {layer.layer} has units 0 to {count - 1:,}")
    looking = Looking(
        layer=layer.layer,
        units=tuple(int(unit) for unit in chosen),
        thresholds=torch.from_numpy(layer.overlap.thresholds[list(chosen)]),
        form=InputForm(**layer.summary["input"]),
        precision=layer.summary["settings"]["precision"],
        channels_last=layer.summary["settings"].get("channels_last", False),
        centring=centring_of(layer.summary),
        axes=layer.summary["settings"].get("axes"),
    )
    return mask_pictures(
        looking, open_model(model)[0], images, size=size, batch_size=batch_size, device=device
    )
