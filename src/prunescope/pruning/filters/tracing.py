"""Which channels does torch-pruning's dependency graph couple?

torch-pruning (Fang et al. 2023, CVPR, arXiv 2301.12900) follows autograd's graph of one forward
pass, and takes every operation that it does not know for one that leaves channels where they are.
What it says is therefore tried before it is used (`trying`).
"""

import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from prunescope.base.errors import ConfigError, first_line
from prunescope.base.text import on_one_line, shortened
from prunescope.networks.resizing import is_depthwise
from prunescope.pruning.acting import LAYER_TYPES, first_names, is_computed
from prunescope.pruning.filters.groups import ChannelGroups
from prunescope.pruning.filters.numbering import Coupling
from prunescope.pruning.trial import copied

OUT, IN, BOTH = "out", "in", "both"
_MIXING = {nn.LayerNorm: "layer normalisation", nn.GroupNorm: "group normalisation"}


def trace_groups(network: nn.Module, images: Tensor) -> ChannelGroups:
    """Return the channel groups that torch-pruning sees, with what it gives away to stay whole.

    network: in float32, on the CPU, in evaluation mode. images: a batch that it takes.
    Raises ConfigError naming a layer where the graph cannot be traced.
    """
    network_copy = copied(network).requires_grad_(True)
    graph, sinks = _dependencies(network_copy, images)
    names = {module: name for name, module in network_copy.named_modules()}
    names |= {parameter: name for name, parameter in network_copy.named_parameters()}
    coupling = Coupling()
    reasons: dict[str, str] = {}
    for root, name in names.items():
        if not isinstance(root, LAYER_TYPES) or root not in graph.module2node:
            continue
        role = BOTH if is_depthwise(root) else OUT
        missing = coupling.not_yet((name, role), _positions(root, role))
        if missing:
            _follow(graph, root, missing, names, sinks, coupling, reasons)
    return _grouped(network_copy, names, coupling, reasons, graph)


def _dependencies(network: nn.Module, images: Tensor) -> tuple[Any, set[Any]]:
    """Return torch-pruning's graph, and what the network puts out last.

    Raises ConfigError where a layer ran that the graph does not reach.
    """
    ran: dict[nn.Module, tuple[str, Any]] = {}
    handles = [
        module.register_forward_hook(
            lambda m, inputs, _, name=name: ran.setdefault(m, (name, inputs)) and None
        )
        for name, module in network.named_modules()
    ]
    try:
        graph = _build(network, images)
    except Exception as error:  # torch-pruning raises anything for a graph that it cannot follow
        name = _smallest_untraced(network, ran)
        where = f'in the module "{name}"' if name else "outside of its modules"
        raise ConfigError(
            f"filters cannot be removed from {type(network).__name__}: its graph cannot be traced "
            f"{where} ({type(error).__name__}: {on_one_line(shortened(first_line(error)))})"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    unreached = [
        name
        for module, (name, _) in ran.items()
        if isinstance(module, LAYER_TYPES) and module not in graph.module2node
    ]
    if unreached:
        raise ConfigError(
            f'filters cannot be removed from {type(network).__name__}: the layer "{unreached[0]}" '
            "runs, but its graph cannot be traced to the output (it is detached, or runs without "
            "gradients or outside of torch)"
        )
    return graph, {node.module for node in graph.module2node.values() if not node.outputs}


def _build(network: nn.Module, images: Any) -> Any:
    torch_pruning = _torch_pruning()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch_pruning.DependencyGraph().build_dependency(
            network, images, output_transform=_tensors_of, verbose=False
        )


def _torch_pruning() -> Any:
    """Import torch-pruning in 0.1 s instead of 3 s.

    Its counter of operations, which is not used here, imports all of timm if that is there, and
    with it torch's compiler.
    """
    if "torch_pruning" in sys.modules or "timm" in sys.modules:
        return importlib.import_module("torch_pruning")
    sys.modules["timm"] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        return importlib.import_module("torch_pruning")
    finally:
        del sys.modules["timm"]


def _smallest_untraced(network: nn.Module, ran: Mapping[nn.Module, tuple[str, Any]]) -> str:
    """Return the name of the innermost module that cannot be traced by itself; "" for none.

    ran: the modules that ran, with their names and inputs.
    """
    for child in network.children():
        name, inputs = ran.get(child, ("", None))
        if inputs is None:  # a list of modules, say
            name = _smallest_untraced(child, ran)
            if name:
                return name
            continue
        try:
            _build(child, tuple(part.detach().requires_grad_() for part in inputs))
        except Exception:  # noqa: BLE001  # as above
            return _smallest_untraced(child, ran) or name
    return ""


def _tensors_of(output: Any) -> list[Tensor]:
    from torch.utils._pytree import tree_leaves

    leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
    return [leaf for leaf in leaves if leaf.grad_fn is not None]


def _follow(
    graph: Any,
    root: nn.Module,
    channels: list[int],
    names: Mapping[Any, str],
    sinks: set[Any],
    coupling: Coupling,
    reasons: dict[str, str],
) -> None:
    """Couple a layer's filters with all channels that must go with them."""
    pruner = graph.get_pruner_of_module(root)
    role = BOTH if is_depthwise(root) else OUT
    here = (names[root], role)
    positions = _positions(root, role)
    for item in graph.get_pruning_group(root, pruner.prune_out_channels, channels):
        module = item.dep.target.module
        is_output = graph.is_out_channel_pruning_fn(item.dep.handler)
        if module in sinks and (is_output or not isinstance(module, LAYER_TYPES)):
            reasons.setdefault(names[root], "they lead to the network's outputs")
        if module not in names:
            continue
        there_role = OUT if is_output else IN
        if not isinstance(module, LAYER_TYPES) or is_depthwise(module):
            there_role = BOTH
        reason = _reason(module, names[module])
        if reason is not None:
            reasons.setdefault(names[root], reason)
        there, others = (names[module], there_role), _positions(module, there_role, graph)
        coupling.size(here, positions)
        coupling.size(there, others)
        first, second = np.asarray(item.root_idxs, np.int64), np.asarray(item.idxs, np.int64)
        present = second < len(others)
        if not present.all():
            reasons.setdefault(
                names[root],
                f"the graph couples them with channels that {names[module]} does not have: "
                "something pads or shifts them",
            )
        coupling.couple(here, positions[first[present]], there, others[second[present]])


def _positions(module: Any, role: str, graph: Any = None) -> np.ndarray:
    """Return the number of each channel of a layer: the same for those of a grouped convolution
    that must go together, at the same place in each of its groups."""
    if isinstance(module, _ConvNd):
        count = module.in_channels if role == IN else module.out_channels
        within = count if role == BOTH else count // module.groups
        return np.arange(count) % within
    if isinstance(module, nn.Linear):
        return np.arange(module.in_features if role == IN else module.out_features)
    return np.arange(graph.get_out_channels(module) or 0)


def _reason(module: Any, name: str) -> str | None:
    """Say why the channels of a layer cannot go, where that is known of its kind."""
    mixing = next((text for kind, text in _MIXING.items() if isinstance(module, kind)), None)
    if mixing is not None:
        return f"{mixing} over them ({name}) would change the others"
    if isinstance(module, nn.MultiheadAttention):
        return f"they are the heads of an attention ({name})"
    if isinstance(module, nn.LSTM | nn.Embedding):
        return f"they are of a {type(module).__name__} ({name})"
    if isinstance(module, LAYER_TYPES) and is_computed(module):
        return f"the weight of {name} is computed from other parameters"
    return None


def _grouped(
    network: nn.Module,
    names: Mapping[Any, str],
    coupling: Coupling,
    reasons: Mapping[str, str],
    graph: Any,
) -> ChannelGroups:
    modules = {name: module for module, name in names.items()}
    layers = {
        name: (BOTH if is_depthwise(module) else OUT)
        for name, module in modules.items()
        if isinstance(module, LAYER_TYPES) and not is_computed(module)
    }
    filters, sets, number = coupling.grouped(
        {name: (name, role) for name, role in layers.items() if (name, role) in coupling},
        {name: _positions(modules[name], role) for name, role in layers.items()},
        {**reasons, **_shared(network)},
    )
    axes: dict[str, dict[int, Tensor]] = {}
    for name, role in coupling.ends:
        owners = torch.from_numpy(number((name, role)))
        for key, axis, along in _tensor_axes(modules[name], name, role, owners, graph):
            axes.setdefault(key, {})[axis] = along
    return ChannelGroups(
        sets=sets,
        axes=axes,
        filters={name: torch.from_numpy(each) for name, each in filters.items()},
        transposed=frozenset(n for n in filters if getattr(modules[n], "transposed", False)),
    )


def _shared(network: nn.Module) -> dict[str, str]:
    """Return the layers whose weight another module has, too."""
    first = first_names(network)
    shared = {name for name, former in first.items() if name != former}
    shared |= {first[name] for name in shared}
    return {
        name.rpartition(".")[0]: f"the weight of {name.rpartition('.')[0]} is shared"
        for name in shared
        if name.endswith(".weight")
    }


def _tensor_axes(
    module: Any, name: str, role: str, owners: Tensor, graph: Any
) -> Iterator[tuple[str, int, Tensor]]:
    """Yield the tensors of a layer that have these channels, along which axis, and whose.

    owners: the group of each position.
    """
    if isinstance(module, nn.Parameter):
        dim = graph.module2node[module].pruning_dim
        yield name, dim % module.dim(), owners
    elif isinstance(module, _ConvNd) and role != BOTH:
        groups = module.groups
        is_first = (role == OUT) != module.transposed
        yield f"{name}.weight", 0 if is_first else 1, owners.repeat(groups if is_first else 1)
        if role == OUT and module.bias is not None:
            yield f"{name}.bias", 0, owners.repeat(groups)
    elif isinstance(module, nn.Linear):
        yield f"{name}.weight", 0 if role == OUT else 1, owners
        if role == OUT and module.bias is not None:
            yield f"{name}.bias", 0, owners
    elif isinstance(module, _ConvNd | _NormBase | nn.PReLU):
        held = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        for key, tensor in held:
            if tensor is not None and tensor.dim() and len(tensor) == len(owners):
                yield f"{name}.{key}", 0, owners
