"""How are weights loaded that were left when channels were removed from a network?

Our own files say which units are left (`Description.units`). A state dict of another tool, such as
torch-pruning, has shapes alone: they say how many channels each layer has left.
"""

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.images import random_images
from prunescope.networks.reading.values import Tensors
from prunescope.networks.resizing import is_smaller, resize_layers
from prunescope.networks.units import Units
from prunescope.networks.weights import check_fit, class_hint, fit_state_dict

WITHOUT_NUMBERS = (
    "its layers are smaller than those of the network of that name, and nothing says which units "
    "are left: they are numbered from 0 as they stand in the file"
)


def fit_smaller(
    module: nn.Module,
    state: Tensors,
    where: str,
    units: Units | None = None,
    resolution: int | None = None,
) -> bool:
    """Load a state dict into a network, whose layers lose channels where the file has fewer.

    units: which are left, where the file says so. resolution: side in pixels of an image that the
    network takes, if known. Returns whether layers lost channels.
    Raises DataError as `fit_state_dict` does; where no network of these shapes computes, or has
    other outputs; and where the shapes are not those of the units.
    """
    expected = module.state_dict()
    reshaped = reshaped_keys(module, state)
    fewer = all(is_smaller(state[key].shape, expected[key].shape) for key in reshaped)
    if not reshaped or not fewer or class_hint(reshaped, expected, state):
        fit_state_dict(module, state, where)
        return False
    misfit = _misfit(module, state, where)
    outputs = None if units is not None else _outputs(module, resolution)
    dense = {name: _width(layer) for name, layer in module.named_modules()}
    resize_layers(module, {key: state[key].shape for key in reshaped})
    fit_state_dict(module, state, where)
    if units is not None:
        _check_units(module, dense, units, where)
    elif outputs is not None:
        _check_outputs(module, outputs, resolution, misfit)
    return True


def reshaped_keys(module: nn.Module, state: Tensors) -> list[str]:
    """Return the keys of tensors that have another shape in a network than in a state dict."""
    expected = module.state_dict()
    return [key for key in expected if key in state and expected[key].shape != state[key].shape]


def _outputs(module: nn.Module, resolution: int | None) -> list[torch.Size] | None:
    """Return the shapes that a network puts out for two images; None where it takes none."""
    try:
        images = random_images(module, resolution)
    except ConfigError:
        return None
    with torch.no_grad():
        leaves = tree_leaves(module.eval()(images))
    return [leaf.shape for leaf in leaves if isinstance(leaf, Tensor)]


def _check_outputs(
    module: nn.Module, outputs: list[torch.Size], resolution: int | None, misfit: str
) -> None:
    try:
        images = random_images(module, resolution)
        with torch.no_grad():
            leaves = tree_leaves(module.eval()(images))
    except ConfigError as error:
        raise DataError(f"{misfit}; a network of these sizes does not compute: {error}") from None
    shapes = [leaf.shape for leaf in leaves if isinstance(leaf, Tensor)]
    if shapes != outputs:
        classes = shapes[0][-1] if shapes and len(shapes[0]) else 0
        raise DataError(
            f"{misfit}; it has outputs of {tuple(shapes[0])} instead of {tuple(outputs[0])} for "
            f"two images: pass --num-classes {classes}"
        )


def _misfit(module: nn.Module, state: Tensors, where: str) -> str:
    """Say how a state dict does not fit a network as it is."""
    try:
        check_fit(module, state, where)
    except DataError as error:
        return str(error)
    return f"{where} does not fit the network"


def _check_units(module: nn.Module, dense: dict[str, int | None], units: Units, where: str) -> None:
    """Raise DataError where a layer has another number of outputs than its units say."""
    for name, layer in module.named_modules():
        width, before = _width(layer), dense[name]
        if width is None or before is None:
            continue
        kept = units.get(name, tuple(range(width)) if width == before else ())
        if len(kept) != width or kept[-1] >= before:
            raise DataError(
                f"{where} is damaged: of {name} it says that {len(kept):,} of {before:,} units are "
                f"left, but holds {width:,}"
            )


def _width(layer: nn.Module) -> int | None:
    """Return how many outputs a layer has that computes with weights of its own."""
    for name in ("out_channels", "out_features"):
        if isinstance(width := getattr(layer, name, None), int) and hasattr(layer, "weight"):
            return width
    return None
