"""Which layers can be dissected, and which ones does a user select?"""

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
    """A module of a network, and its output for one image.

    shape: of the output, without the axis of images; None if it is no tensor or was never called.
    map: units, height and width; None if it cannot be dissected: no map of more than one cell, or
        a layer that is not called exactly once.
    """

    name: str
    type: str
    calls: int
    shape: tuple[int, ...] | None
    map: tuple[int, int, int] | None


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The modules of a network, in their order, for images of one size.

    default: the layer that is dissected if none is named; None where no layer has a map.
    """

    resolution: int
    default: str | None
    layers: tuple[Layer, ...]

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
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


def survey_layers(model: nn.Module, resolution: int, axes: str | None = None) -> Layers:
    """Return all modules of a network and their outputs for a square of this many pixels.

    axes: of ambiguous outputs, as `parse_axes` takes them.
    Raises ConfigError where the network cannot take such an image.
    """
    outputs = survey(model, resolution, axes=axes)
    calls = Counter(output.layer for output in outputs)
    latest = {output.layer: output for output in outputs}
    maps = {output.layer: output.map for output in dissectable(outputs)}
    return Layers(
        resolution=resolution,
        default=default_of(outputs),
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
    """Return the names of the selected layers, each once.

    wanted: names; patterns with *, ? and [] (`fnmatch`, in which * also matches dots) for all
        layers with maps whose whole name fits; and DEFAULT_LAYER, see `default_of`.
    resolution, channels: of the image used to find the layers with maps.
    axes: of ambiguous outputs, as `parse_axes` takes them.
    Raises ConfigError for a name or a pattern that fits no layer, and lists the layers.
    """
    names = {name for name, _ in model.named_modules(remove_duplicate=False)}
    if all(layer in names for layer in wanted):
        return tuple(find_layers(model, wanted))
    outputs = survey(model, resolution, channels, axes) if any(map(_is_open, wanted)) else ()
    chosen: list[str] = []
    for layer in wanted:
        if layer == DEFAULT_LAYER:
            chosen.append(_require_default(model, outputs, resolution))
        elif layer not in names and _is_pattern(layer):
            chosen.extend(_fitting(layer, model, outputs))
        else:
            chosen.extend(find_layers(model, [layer]))
    return tuple(dict.fromkeys(chosen))


def _require_default(model: nn.Module, outputs: Sequence[LayerOutput], resolution: int) -> str:
    default = default_of(outputs)
    if default is None:
        raise ConfigError(
            f"no layer of {type(model).__name__} has a map of at least 2 x 2 cells for images of "
            f"{resolution} x {resolution} pixels: take a larger --resolution, or name a --layer"
        )
    return default


def default_of(outputs: Sequence[LayerOutput]) -> str | None:
    """Return the layer dissected by default: the last one with a spatial map; None without one.

    It is the last to finish of those with a map of at least 2 x 2 cells, except the classifier and
    layers that only prepare it (pooling, normalisation). For ResNets it is `layer4`, for AlexNet
    and VGG the last convolution after its ReLU and before pooling (conv5, conv5_3, as in Bau et al.
    2017), for a ViT the last block.
    """
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
    if without_maps := [name for name in modules if fnmatchcase(name, pattern)]:
        raise ConfigError(
            f'"{pattern}" fits only layers of {title} without a map of their own: '
            f"{shorten(without_maps)}; layers with maps: {shorten(names)}"
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
