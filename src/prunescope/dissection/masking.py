"""On which pixels of any picture does a unit fire, by the threshold its dissection found?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float64
from PIL import Image
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
class Looking:
    """How a network looked at a layer's images when it was dissected.

    units: of the layer. thresholds: T_k of these units. centring: of their convention.
    axes: of the layers' outputs, as they were stated.
    """

    layer: str
    units: tuple[int, ...]
    thresholds: Float64[Tensor, " unit"]
    form: NetworkInput
    precision: Precision
    channels_last: bool
    centring: Centring
    axes: str | None = None


def mask_pictures(
    looking: Looking,
    model: nn.Module,
    pictures: Pictures,
    *,
    size: tuple[int, int] | None,
    batch_size: int,
    device: str | torch.device | None,
) -> list[UnitMasks]:
    """Return the units' masks on each picture, in the order of the pictures.

    size: height and width of the masks; each picture's own when None.
    Raises ConfigError for a model without the layer, or with fewer units, and for what is no
    picture; DataError for a picture that cannot be read.
    """
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ConfigError(f"size is {size}, but must be a height and a width of at least 1 pixel")
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}, but must be at least 1")
    found: list[UnitMasks] = []
    form = looking.form
    square = Sizing(resolution=form.resolution)
    with (
        without_wrappers(model),
        on_device(model, device) as place,
        capture(
            model,
            (looking.layer,),
            layout=learn_layout(model, form.resolution, len(form.mean), looking.axes),
        ) as maps,
    ):
        for batch in _batches(each_picture(pictures), batch_size):
            pixels = np.stack([square.apply(picture) for picture in batch])
            show_pixels(
                model,
                pixels,
                looking.form,
                looking.precision,
                place,
                channels_last=looking.channels_last,
            )
            whole = maps[looking.layer]
            _check_units(looking, whole.shape[1])
            names = [f"{len(found) + i} of those given" for i in range(len(batch))]
            check_finite(looking.layer, whole, names)
            for picture, own in zip(batch, whole[:, list(looking.units)].cpu(), strict=True):
                shape = (picture.height, picture.width) if size is None else (size[0], size[1])
                masks = masks_above(own, looking.thresholds, shape, looking.centring)
                found.append(masks.numpy())
    return found


def _batches(pictures: Iterable[Image.Image], size: int) -> Iterator[Sequence[Image.Image]]:
    rest = iter(pictures)
    while batch := list(islice(rest, size)):
        yield batch


def _check_units(looking: Looking, count: int) -> None:
    if max(looking.units) >= count:
        raise ConfigError(
            f'layer "{looking.layer}" of this model has {counted(count, "unit")}, but unit '
            f"{max(looking.units)} was dissected: give the network that was"
        )
