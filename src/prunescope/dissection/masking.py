"""On which pixels of a picture is a unit above the threshold of its dissection?"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.images import Precision
from prunescope.base.modes import on_device
from prunescope.base.text import counted
from prunescope.base.wrappers import without_wrappers
from prunescope.dissection.capture import capture
from prunescope.dissection.conventions import Centring
from prunescope.dissection.forward import check_finite, show_pixels
from prunescope.dissection.survey import learn_layout
from prunescope.dissection.upsample import masks_above
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.pictures import Pictures, each_picture
from prunescope.imaging.sizing import Sizing

UnitMasks = Bool[np.ndarray, "unit height width"]


@dataclass(frozen=True, kw_only=True)
class DissectedUnits:
    """Units of a layer, and how the network was shown images when they were dissected.

    thresholds: T_k of the units. centring: of their convention.
    axes: of the layers' outputs, as they were stated.
    """

    layer: str
    units: tuple[int, ...]
    thresholds: Float64[Tensor, " unit"]
    input: NetworkInput
    precision: Precision
    channels_last: bool
    centring: Centring
    axes: str | None = None


def mask_pictures(
    dissected: DissectedUnits,
    model: nn.Module,
    pictures: Pictures,
    *,
    size: tuple[int, int] | None,
    batch_size: int,
    device: str | torch.device | None,
) -> list[UnitMasks]:
    """Return the units' masks on each picture, in the order of the pictures.

    size: height and width of the masks; each picture's size when None.
    Raises ConfigError for a model without the layer, or with fewer units, and for what is no
    picture; DataError for a picture that cannot be read.
    """
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ConfigError(f"size is {size}, but must be a height and a width of at least 1 pixel")
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}, but must be at least 1")
    layer, expected = dissected.layer, dissected.input
    square = Sizing(resolution=expected.resolution)
    masks: list[UnitMasks] = []
    with (
        without_wrappers(model),
        on_device(model, device) as used_device,
        capture(
            model,
            (layer,),
            layout=learn_layout(model, expected.resolution, len(expected.mean), dissected.axes),
        ) as maps,
    ):
        rest = each_picture(pictures)
        while batch := list(islice(rest, batch_size)):
            pixels = np.stack([square.apply(picture) for picture in batch])
            show_pixels(
                model,
                pixels,
                expected,
                dissected.precision,
                used_device,
                channels_last=dissected.channels_last,
            )
            _check_units(dissected, maps[layer].shape[1])
            names = [f"{len(masks) + i} of those given" for i in range(len(batch))]
            check_finite(layer, maps[layer], names)
            of_units = maps[layer][:, list(dissected.units)].cpu()
            for picture, unit_maps in zip(batch, of_units, strict=True):
                shape = (picture.height, picture.width) if size is None else (size[0], size[1])
                above = masks_above(unit_maps, dissected.thresholds, shape, dissected.centring)
                masks.append(above.numpy())
    return masks


def _check_units(dissected: DissectedUnits, count: int) -> None:
    if max(dissected.units) >= count:
        raise ConfigError(
            f'layer "{dissected.layer}" of this model has {counted(count, "unit")}, but unit '
            f"{max(dissected.units)} was dissected: give the network that was"
        )
