"""Which tensors of a network may be pruned, and which are left out?"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.pruning.acting import (
    CONVOLUTIONS,
    LAYER_TYPES,
    first_names,
    is_computed,
    layer_keys,
    parameters_once,
    present_weight,
)
from prunescope.pruning.choices import PrunableConvention
from prunescope.pruning.patterns import Prunable, PrunablePatterns
from prunescope.pruning.trial import acts_as_stored, altered_in

_SHOWN = 8  # tensors in a line
_PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
_LEFT_OUT: dict[PrunableConvention, set[str]] = {
    "all": set(),
    "conv": {"downsample", "shortcut", "classifier"},
    "conv+shortcut": {"classifier"},  # SqueezeNet's is a convolution
}
"""Names of modules whose weights, and those of the modules inside them, stay."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How a network treats pruned weights as it runs.

    unprunable: layers whose pruned weights would not stay zero, by name, and why.
    untried: whether it could not be tried if the network's own code changes pruned weights.
    """

    unprunable: Mapping[str, str]
    untried: bool


def prunable_names(
    network: nn.Module, convention: Prunable, behaviour: Behaviour | None = None
) -> tuple[str, ...]:
    """Return the state-dict keys of the tensors a convention prunes, in state-dict order.

    all: weights of convolutions, including transposed ones, and of linear layers (OpenLTH; Renda
        et al. 2020), and the projections of torch's attention (`in_proj_weight`, or `q_proj_weight`
        and so on), which are linear layers in timm's.
    conv: weights of convolutions, without the classifier and shortcuts, which are modules named
        "downsample" or "shortcut" (the ResNet-50 of Frankle & Bau 2019).
    conv+shortcut: weights of convolutions, without the classifier.
    patterns: those of "all" whose names match.
    Biases and normalisation are never pruned. A weight that modules share is listed under its first
    name, and only if each of these modules may be pruned. A weight that does not act as it is
    stored is left out. behaviour: of the network, if it is known already.
    Raises ConfigError if nothing is left to prune, a pattern matches nothing, or weights that do
    not act as they are stored are more than half of what the convention names.
    """
    if isinstance(convention, PrunablePatterns):
        _check_patterns(network, convention)
    chosen = _chosen(network, convention)
    unprunable = (behaviour or behaviour_of(network)).unprunable
    names = tuple(name for name in chosen if name not in unprunable)
    parameters = dict(network.named_parameters())
    lost = {name: why for name, why in unprunable.items() if _is_named(network, name, convention)}
    kept_size = sum(parameters[name].numel() for name in names)
    layers = layer_keys(network)
    lost_size = sum(present_weight(layers[name][0]).numel() for name in lost)
    if lost and lost_size >= kept_size:
        name, why = next(iter(lost.items()))
        more = f" and {len(lost) - 1:,} layers more" if len(lost) > 1 else ""
        raise ConfigError(
            f"{name}{more} cannot be pruned: {why}. These are {lost_size:,} of the "
            f'{lost_size + kept_size:,} weights of the convention "{convention}"'
        )
    if not names:
        raise ConfigError(f'no tensor of the network is prunable by the convention "{convention}"')
    return names


def behaviour_of(network: nn.Module) -> Behaviour:
    """Try on a copy how a network treats pruned weights."""
    unprunable = {}
    altered = altered_in(network)
    for name, modules in layer_keys(network).items():
        kind = type(modules[0]).__name__
        if is_computed(modules[0]):
            unprunable[name] = f"the weight of this {kind} is computed from other parameters"
        elif not all(map(acts_as_stored, modules)):
            unprunable[name] = (
                f"this {kind} changes its weights as it runs, so that a pruned one would act "
                "all the same"
            )
        elif name in (altered or ()):
            unprunable[name] = (
                f"the network changes the weights of this {kind} as it runs, so that a pruned one "
                "would act all the same"
            )
    return Behaviour(unprunable=unprunable, untried=altered is None)


UNTRIED = (
    "the network cannot be copied, or takes no image of a usual size, so that it could not be "
    "tried whether its own code changes pruned weights"
)


def left_out(network: nn.Module, pruned: Collection[str]) -> dict[str, int]:
    """Return the sizes of the tensors of two or more axes that stay dense, by name.

    pruned: the names of those that are pruned.
    """
    return {
        name: parameter.numel()
        for name, parameter in parameters_once(network).items()
        if parameter.dim() > 1 and name not in pruned
    }


def describe_left_out(dense: Mapping[str, int]) -> str:
    """Name the tensors that stay dense, as `left_out` returns them, with their sizes."""
    shown = [f"{name} ({size:,})" for name, size in list(dense.items())[:_SHOWN]]
    more = [f"and {len(dense) - _SHOWN:,} more"] if len(dense) > _SHOWN else []
    total = f"{sum(dense.values()):,} in all"
    return f"left out, and dense: {', '.join([*shown, *more])}; {total}"


def _chosen(network: nn.Module, convention: Prunable) -> tuple[str, ...]:
    """Return the parameters of which a convention names every name."""
    aliases: dict[str, list[str]] = {name: [] for name in parameters_once(network)}
    for name, first in first_names(network).items():
        if first in aliases:  # else a view of another parameter
            aliases[first].append(name)
    return tuple(
        first
        for first, names in aliases.items()
        if all(_is_named(network, name, convention) for name in names)
    )


def _check_patterns(network: nn.Module, patterns: PrunablePatterns) -> None:
    names = _chosen(network, "all")
    for pattern in patterns.unmatched(names):
        hint = nearest(pattern, names)
        raise ConfigError(
            f'pruning.prunable: "{pattern}" matches no weight of a convolution or linear layer of '
            f"the network{hint}: it has {', '.join(names[:_SHOWN])}"
            + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
        )


def _is_named(network: nn.Module, name: str, convention: Prunable) -> bool:
    if isinstance(convention, PrunablePatterns):
        return convention.names(name) and _is_named(network, name, "all")
    path, _, parameter = name.rpartition(".")
    module = network.get_submodule(path)
    if isinstance(module, nn.MultiheadAttention):
        return convention == "all" and parameter in _PROJECTIONS
    kinds = LAYER_TYPES if convention == "all" else CONVOLUTIONS
    return (
        parameter == "weight"
        and isinstance(module, kinds)
        and _LEFT_OUT[convention].isdisjoint(path.split("."))
    )
