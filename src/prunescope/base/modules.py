"""Is an object a network whose layers and weights can be read, in plain floating point?"""

import copy
import hashlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind, with_article
from prunescope.base.wrappers import unwrapped

_PLAIN_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
_QUANTISED_PARTS = (
    *("_packed_params", "fake_quant", "activation_post_process", ".qweight", ".qzeros", ".SCB"),
    *(".absmax", ".quant_map", ".quant_state", ".nested_absmax"),
)
_CURE = 'give the torch.nn.Module, or its name: "torchvision:resnet18"'
_AS_IT_WAS = (
    "give the network as it was before, in plain floating point (float32, float16, bfloat16 or "
    "float64)"
)
_SHARDED = (
    "sharded among processes (FSDP): save the full state dict (torch.distributed.checkpoint."
    'state_dict.get_model_state_dict with full_state_dict=True), and give load("NAME", '
    "weights=FILE)"
)


def checked_network(candidate: object) -> nn.Module:
    """Return the network in what a user hands in, seen through wrappers.

    Raises ConfigError, saying what to do, for anything but a module in plain torch: a class, a
    state dict, what was scripted, exported or quantised, tensors without values.
    """
    if isinstance(candidate, type):
        raise ConfigError(f"the network is the class {candidate.__name__}: call it, to make one")
    exported = "the network is exported, and has no layers any more"
    if isinstance(candidate, torch.export.ExportedProgram):
        raise ConfigError(f"{exported}: {_before(candidate)}")
    if not isinstance(candidate, nn.Module):
        raise ConfigError(f"the network is {a_kind(candidate)}: {_instead_of(candidate)}")
    network = unwrapped(candidate)
    if isinstance(network, torch.jit.ScriptModule):
        raise ConfigError(f"the network is scripted or traced (TorchScript): {_before(network)}")
    if _is_flat(network):
        raise ConfigError(f"{exported}: {_before(network)}")
    _check_layers(network)
    _check_tensors(network)
    return network


def in_float32(model: nn.Module) -> nn.Module:
    """Return a network that computes in float32: itself, or a copy of one in another precision.

    Raises ConfigError for a network that cannot be copied.
    """
    tensors = (*model.parameters(), *model.buffers())
    dtypes = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if not dtypes:
        return model
    try:
        return copy.deepcopy(model).float()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        names = ", ".join(sorted(str(dtype) for dtype in dtypes))
        raise ConfigError(
            f"{type(model).__name__} has weights of {names}, but is dissected in float32, and a "
            f"copy cannot be made ({error}): call .float() on it first"
        ) from error


def hash_weights(network: nn.Module) -> str:
    """Return the sha256 of names, types, shapes and values of all weights and buffers, in hex."""
    digest = hashlib.sha256()
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def belongs_to_quantisation(key: str) -> bool:
    """Return whether only tools that quantise call a tensor so."""
    return any(part in f".{key}" for part in _QUANTISED_PARTS)


def is_quantised(key: str, tensor: Tensor) -> bool:
    """Return whether a tensor stores numbers in eight bits or fewer, or weights as integers.

    key: in the state dict. Masks may be integers: those of torch.nn.utils.prune and of OpenLTH.
    """
    kind = tensor.dtype
    if tensor.is_quantized or (kind.is_floating_point and kind not in _PLAIN_FLOATS):
        return True
    if kind.is_floating_point or kind.is_complex or kind == torch.bool:
        return False
    last = key.rpartition(".")[2]
    is_mask = last.endswith("_mask") or last.startswith("mask_")
    return "weight" in last and not is_mask


def _instead_of(candidate: object) -> str:
    if isinstance(candidate, dict):
        return f'{_CURE}, with a state dict in it by load("torchvision:resnet18", weights=FILE)'
    if callable(candidate):
        return f"call it, if that makes one; else {_CURE}"
    return _CURE


def _before(network: object) -> str:
    return f"give the torch.nn.Module that the {type(network).__name__} was made from"


def _is_flat(network: nn.Module) -> bool:
    """Return whether a graph calls functions only, no modules, as those of torch.export."""
    graph = getattr(network, "graph", None)
    if not isinstance(network, torch.fx.GraphModule) or graph is None:
        return False
    flat = not any(node.op == "call_module" for node in graph.nodes)
    return flat or type(network).__name__ == "_StatefulGraphModule" or hasattr(network, "_in_spec")


def _check_layers(network: nn.Module) -> None:
    for name, module in network.named_modules():
        home = type(module).__module__
        if "quantized" in home.split(".") or hasattr(module, "_packed_params"):
            kind = f"{home}.{type(module).__name__}"
            raise ConfigError(f'the network is quantised (layer "{name}" is {kind}): {_AS_IT_WAS}')
        if type(module).__name__ == "FullyShardedDataParallel":
            what = f'layer "{name}"' if name else "the network"
            raise ConfigError(f"{what} is {_SHARDED}")
        if name and isinstance(module, torch.jit.ScriptModule):
            raise ConfigError(f'layer "{name}" is scripted (TorchScript): {_before(module)}')


def check_shapes(network: nn.Module) -> None:
    """Raise ConfigError for a network with lazy layers, which have not seen an image yet."""
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise ConfigError(
                f"{name} has no shape yet (its layer is lazy): show the network a batch of images "
                "first, in the function that makes it"
            )


def _check_tensors(network: nn.Module) -> None:
    check_shapes(network)
    parameters = dict(network.named_parameters())
    tensors: dict[str, Any] = {**parameters, **dict(network.named_buffers())}
    for name, tensor in tensors.items():
        kind = type(tensor).__name__
        if tensor.is_meta or kind == "FakeTensor" or type(tensor.data).__name__ == "FakeTensor":
            raise ConfigError(
                f"{name} has a shape but no values (it is a meta or fake tensor): make the network "
                'on a device, as in network.to_empty(device="cpu"), and load its weights'
            )
        if kind == "DTensor" or type(tensor.data).__name__ == "DTensor":
            raise ConfigError(f"{name} is {_SHARDED}")
        if is_traceable_wrapper_subclass(tensor):
            raise ConfigError(f"{name} is held as {with_article(kind)}: {_AS_IT_WAS}")
        is_truth = tensor.dtype == torch.bool and name in parameters
        if belongs_to_quantisation(name) or is_quantised(name, tensor) or is_truth:
            held = f"({tensor.dtype})".replace("torch.", "")
            raise ConfigError(f"the network is quantised, in {name} {held}: {_AS_IT_WAS}")
        if tensor.dtype.is_complex and name in parameters:
            raise ConfigError(
                f"{name} is complex ({tensor.dtype}): concepts and pruning need real weights, so "
                "give a network that keeps real and imaginary parts apart (torch.view_as_real)"
            )
        if tensor.layout != torch.strided:
            raise ConfigError(f"{name} is sparse ({tensor.layout}): make it dense, by .to_dense()")
