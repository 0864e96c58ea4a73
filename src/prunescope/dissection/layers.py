"""Which layers can be dissected, and which of them does a user mean?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import align, number
from prunescope.dissection.capture import find_layers, shorten
from prunescope.dissection.settings import DEFAULT_LAYER
from prunescope.dissection.survey import LayerOutput, dissectable, survey

_CLASSIFIERS = {"classifier", "head", "heads", "fc", "pre_logits"}
_HANDING_ON = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_FINISHING = ("Pool", "Norm", "Permute", "Flatten")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A module of a network, and what it puts out for one image.

    shape: of the output, without its images; None where it is no tensor, or there is none.
    map: units, height and width; None where there is nothing to dissect: no map of more than one
        cell, or a layer that is not called once.
    """

    name: str
    type: str
    calls: int
    shape: tuple[int, ...] | None
    map: tuple[int, int, int] | None


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The modules of a network, in their order, for images of one size.

    default: the layer that is dissected where none is named; None where no layer has a map.
    """

    resolution: int
    default: str | None
    layers: tuple[Layer, ...]

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for a program."""
        return {
            "resolution": self.resolution,
            "default": self.default,
            "layers": {
                layer.name: {
                    "type": layer.type,
                    "calls": layer.calls,
                    "shape": layer.shape and list(layer.shape),
                    "units": layer.map and layer.map[0],
                    "map": layer.map and list(layer.map[1:]),
                }
                for layer in self.layers
            },
        }

    def __str__(self) -> str:
        rows = [
            (
                layer.name,
                layer.type,
                _by(layer.shape),
                number(layer.map and layer.map[0]),
                _by(layer.map and layer.map[1:]),
            )
            for layer in self.layers
        ]
        side = self.resolution
        return (
            f"{align([('layer', 'type', 'shape', 'units', 'map'), *rows])}\n\n"
            f"For an image of {side} x {side} pixels. Without a number of units there is nothing "
            "to dissect: no map of more than one cell, or a layer that is not called just once.\n"
            f"Dissected where none is named: {self.default or 'none'}"
        )


def list_layers(model: nn.Module, resolution: int, axes: str | None = None) -> Layers:
    """Return all modules of a network and what they put out for a square of this many pixels.

    axes: of their outputs, where they cannot be told, as `parse_axes` takes them.
    Raises ConfigError where the network cannot take such an image.
    """
    outputs = survey(model, resolution, axes=axes)
    calls = Counter(output.layer for output in outputs)
    latest = {output.layer: output for output in outputs}
    maps = {output.layer: output.map for output in dissectable(outputs)}
    return Layers(
        resolution=resolution,
        default=_default(outputs),
        layers=tuple(
            Layer(
                name=name,
                type=type(module).__name__,
                calls=calls[name],
                shape=latest[name].shape[1:] or None if name in latest else None,
                map=maps.get(name),
            )
            for name, module in model.named_modules()
            if name
        ),
    )


def choose_layers(
    model: nn.Module,
    wanted: Sequence[str],
    resolution: int,
    channels: int | None = None,
    axes: str | None = None,
) -> tuple[str, ...]:
    """Return the names of the layers that are meant, each once.

    wanted: names; patterns with *, ? and [] (`fnmatch`, in which * also stands for dots) for all
        layers with maps whose whole name fits; and DEFAULT_LAYER, see `default_layer`.
    resolution, channels: of the image for which a layer must have a map, for the latter two.
    axes: of the layers' outputs, where they cannot be told, as `parse_axes` takes them.
    Raises ConfigError for a name or a pattern that fits no layer, naming what there is.
    """
    names = {name for name, _ in model.named_modules(remove_duplicate=False)}
    if all(layer in names for layer in wanted):
        return tuple(find_layers(model, wanted))
    outputs = survey(model, resolution, channels, axes) if any(map(_is_open, wanted)) else ()
    chosen: list[str] = []
    for layer in wanted:
        if layer == DEFAULT_LAYER:
            chosen.append(_the_default(model, outputs, resolution))
        elif layer not in names and _is_pattern(layer):
            chosen.extend(_fitting(layer, model, outputs))
        else:
            chosen.extend(find_layers(model, [layer]))
    return tuple(dict.fromkeys(chosen))


def default_layer(model: nn.Module, resolution: int) -> str:
    """Return the layer that shows best what a network has learned: the last with a spatial map.

    It is the last to finish of those with a map of at least 2 x 2 cells, apart from layers that
    only prepare the classifier (pooling, normalisation) and the classifier itself. For ResNets it
    is `layer4`, for AlexNet and VGG the last convolution after its ReLU and before pooling (conv5,
    conv5_3: those of Bau et al. 2017), for a ViT the last block.
    Raises ConfigError where there is none.
    """
    return _the_default(model, survey(model, resolution), resolution)


def _the_default(model: nn.Module, outputs: Sequence[LayerOutput], resolution: int) -> str:
    default = _default(outputs)
    if default is None:
        raise ConfigError(
            f"no layer of {type(model).__name__} has a map of at least 2 x 2 cells for images of "
            f"{resolution} x {resolution} pixels: take a larger --resolution, or name a --layer"
        )
    return default


def _default(outputs: Sequence[LayerOutput]) -> str | None:
    """Follow the outputs to the end; a module that returns its last child's output counts as it."""
    candidates = {output.layer for output in dissectable(outputs)}
    default, wanted = None, False
    for output in outputs:
        if output.handed_on and isinstance(output.module, _HANDING_ON):
            continue
        inside = output.handed_on and any(True for _ in output.module.children())
        wanted = wanted if inside else not _finishes(output)
        if wanted and output.layer in candidates and output.map and min(output.map[1:]) > 1:
            default = output.layer
    return default


def _finishes(output: LayerOutput) -> bool:
    """Return whether a layer only prepares the classifier, or belongs to it."""
    if not _CLASSIFIERS.isdisjoint(output.layer.split(".")):
        return True
    leaf = not any(True for _ in output.module.children())
    name = type(output.module).__name__
    return leaf and (name == "Identity" or any(part in name for part in _FINISHING))


def _fitting(pattern: str, model: nn.Module, outputs: Sequence[LayerOutput]) -> list[str]:
    """Return the layers with maps that fit a pattern, in the order of the network's modules."""
    modules = [name for name, _ in model.named_modules() if name]
    with_maps = {output.layer for output in dissectable(outputs)}
    names = [name for name in modules if name in with_maps]
    fitting = [name for name in names if fnmatchcase(name, pattern)]
    if fitting:
        return fitting
    title = type(model).__name__
    if others := [name for name in modules if fnmatchcase(name, pattern)]:
        raise ConfigError(
            f'"{pattern}" fits only layers of {title} without a map of their own: '
            f"{shorten(others)}; layers with maps: {shorten(names)}"
        )
    hint = nearest(pattern.translate(str.maketrans("", "", "*?[]")), names)
    raise ConfigError(
        f'"{pattern}" fits no layer of {title}{hint}; layers with maps: {shorten(names)}'
    )


def _is_open(layer: str) -> bool:
    return layer == DEFAULT_LAYER or _is_pattern(layer)


def _is_pattern(layer: str) -> bool:
    return any(sign in layer for sign in "*?[")


def _by(sizes: Sequence[int] | None) -> str:
    return " x ".join(map(str, sizes)) if sizes else "-"
