"""On which pixels of a picture is a unit above the threshold of its dissection?"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.modes import on_device
from prunescope.base.text import counted
from prunescope.base.wrappers import without_wrappers
from prunescope.dissection.conventions import convention_of
from prunescope.dissection.forward import ForwardPass, check_finite
from prunescope.dissection.input import Loaded, open_model
from prunescope.dissection.survey import learn_layout
from prunescope.dissection.upsample import masks_above
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.pictures import Pictures, each_picture
from prunescope.imaging.sizing import Sizing
from prunescope.results.dissection import LayerDissection

UnitMasks = Bool[np.ndarray, "unit height width"]


def mask_pictures(
    dissected: LayerDissection,
    model: nn.Module | Loaded,
    pictures: Pictures,
    units: int | Sequence[int],
    *,
    size: tuple[int, int] | None,
    batch_size: int,
    device: str | torch.device | None,
) -> list[UnitMasks]:
    """Return the units' masks on each picture, in the order of the pictures.

    Pictures are resized and normalised as in the dissection (`LayerDissection.masks`).
    size: height and width of the masks; each picture's size when None.
    Raises ConfigError for a model without the layer or with fewer units, for a unit that was not
    dissected, and for anything that is no picture; DataError for one that cannot be read.
    """
    chosen = dissected.rows_of(units)
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ConfigError(f"size is {size}, but must be a height and a width of at least 1 pixel")
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}, but must be at least 1")
    layer, settings = dissected.layer, dissected.summary["settings"]
    expected = NetworkInput.from_dict(dissected.summary["input"])
    thresholds = torch.from_numpy(dissected.overlap.thresholds[chosen])
    centring, square = (
        convention_of(dissected.summary).centring,
        Sizing(resolution=expected.resolution),
    )
    network = open_model(model)[0]
    masks: list[UnitMasks] = []
    with without_wrappers(network), on_device(network, device) as used_device:
        directions = dissected.basis
        basis = {} if directions is None else {layer: torch.from_numpy(directions).to(used_device)}
        forward = ForwardPass(
            model=network,
            input=expected,
            precision=settings["precision"],
            device=used_device,
            arithmetic=settings.get("arithmetic", "plain"),
            channels_last=settings.get("channels_last", False),
            layout=learn_layout(
                network, expected.resolution, len(expected.mean), settings.get("axes")
            ),
            bases=basis,
        )
        with forward.prepared([layer]):
            rest = each_picture(pictures)
            while batch := list(islice(rest, batch_size)):
                pixels = np.stack([square.apply(picture) for picture in batch])
                maps = forward.maps(pixels, [layer])[layer]
                _check_units(layer, chosen, maps.shape[1])
                names = [f"{len(masks) + i} of those given" for i in range(len(batch))]
                check_finite(layer, maps, names)
                for picture, unit_maps in zip(batch, maps[:, chosen].cpu(), strict=True):
                    shape = (picture.height, picture.width) if size is None else (size[0], size[1])
                    masks.append(masks_above(unit_maps, thresholds, shape, centring).numpy())
    return masks


def _check_units(layer: str, units: Sequence[int], count: int) -> None:
    if max(units) >= count:
        raise ConfigError(
            f'layer "{layer}" of this model has {counted(count, "unit")}, but unit '
            f"{max(units)} was dissected: give the network that was"
        )
