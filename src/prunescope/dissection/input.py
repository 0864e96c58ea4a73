"""What does a network want to see, and how does a photograph become that?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import Tensor, nn

# Python 3.11's own Protocol computes every property when asked isinstance()
from typing_extensions import Protocol, runtime_checkable

from prunescope.base.channels import check_channels, fits, with_channels
from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.inputs import IMAGENET, timm_input
from prunescope.base.modules import checked_network, in_float32
from prunescope.base.settings import Mean, Pixels, Settings, Std
from prunescope.base.text import counted
from prunescope.concepts.protocol import ConceptSet


@runtime_checkable
class Loaded(Protocol):
    """A network that says what it wants to see, as `prunescope.load` returns one."""

    @property
    def module(self) -> nn.Module:
        """The network itself."""

    @property
    def input(self) -> Any:
        """Its `resolution`, `mean` and `std`; None where nothing says so."""


class InputForm(Settings):
    """A network's input: a square of `resolution` pixels a side, its channels normalised.

    mean, std: of the channels in [0, 1].
    """

    resolution: Pixels
    mean: Mean
    std: Std


def input_of(
    model: nn.Module,
    *,
    resolution: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
) -> InputForm:
    """Return a network's input: what is given, and for the rest what is known of the network.

    Known are timm's networks, by their `pretrained_cfg`, and torchvision's, by ImageNet's mean
    and std at 224 pixels. Raises ConfigError naming what is missing for any other network.
    """
    given = {"resolution": resolution, "mean": mean, "std": std}
    known = _known_input(model)
    if "mean" in known and not fits(model, len(known["mean"])):  # ImageNet's, of one channel
        known = {"resolution": known["resolution"]}
    chosen = known | {name: value for name, value in given.items() if value is not None}
    missing = [name for name in given if name not in chosen]
    if missing:
        options = " ".join(f"--{name}" for name in missing)
        raise ConfigError(
            f"the input of {type(model).__name__} is not known: give {', '.join(missing)} "
            f"(on the command line {options})"
        )
    form = InputForm.validate_from(chosen, f"the input of {type(model).__name__}")
    if len(form.mean) != len(form.std):
        raise ConfigError(
            f"mean has {len(form.mean)} and std {counted(len(form.std), 'value')}, but each "
            "must have one "
            "for every channel of the network"
        )
    check_channels(model, len(form.mean))
    return form


def open_model(model: nn.Module | Loaded) -> tuple[nn.Module, dict[str, Any]]:
    """Return the module, and what it wants to see (as `input_of` takes it) where that is known.

    A module in another precision than float32 comes as `in_float32` makes it.
    """
    if isinstance(model, nn.Module | type) or not isinstance(model, Loaded):
        return in_float32(checked_network(model)), {}
    known = model.input
    names = ("resolution", "mean", "std") if known is not None else ()
    shown = {name: getattr(known, name) for name in names}
    return in_float32(checked_network(model.module)), shown


def read_pixels(
    concepts: ConceptSet, images: Sequence[int], resolution: int
) -> UInt8[np.ndarray, "image height width band"]:
    """Read images, squashed to a square by antialiased bilinear resampling; untouched when equal.

    Raises DataError, naming the file, for an image that cannot be read.
    """
    return np.stack([squash(concepts.read_image(image), resolution) for image in images])


def squash(picture: Image.Image, resolution: int) -> UInt8[np.ndarray, "side side band"]:
    """Return a picture as a square, by antialiased bilinear resampling; untouched if it is."""
    size = (resolution, resolution)
    same = picture.size == size
    pixels = np.asarray(picture if same else picture.resize(size, Image.Resampling.BILINEAR))
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def normalise(
    pixels: UInt8[np.ndarray, "image height width band"], form: InputForm, device: torch.device
) -> Float32[Tensor, "image channel height width"]:
    """Return pixels as a network takes them: in [0, 1], less the mean, over the std.

    Of pictures in colour it is the luminance where mean and std have one value.
    The channels stay last in memory, though not in the shape.
    """
    shown = with_channels(torch.from_numpy(pixels).to(device), len(form.mean))
    scaled = shown.float().div_(255)
    mean, std = (torch.tensor(channels, device=device) for channels in (form.mean, form.std))
    return scaled.sub_(mean).div_(std).permute(0, 3, 1, 2)


def _known_input(model: nn.Module) -> dict[str, Any]:
    match type(model).__module__.partition(".")[0]:
        case "torchvision":
            return vars(IMAGENET)
        case "timm":
            stated = getattr(model, "pretrained_cfg", None) or {}
            size = getattr(getattr(model, "patch_embed", None), "img_size", None)
            return vars(timm_input(stated, image_size=size))
        case _:
            return {}
