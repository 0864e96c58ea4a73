"""How do weights that others saved come into a network, without running their code?"""

import pickle
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.errors import DataError
from prunescope.base.tensors import load_tensors

_PACKED = "_packed_params"  # of torch's quantised layers
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 3


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, on the CPU and in the dtypes it was stored in.

    Takes safetensors, and torch files old and new, saved on any device; a state dict under the
    key "state_dict", "model_state_dict" or "model" is unwrapped, and a "module." that starts every
    name is dropped.
    Nothing in the file is executed. Raises DataError for a file that is absent, damaged, or holds
    something else (a pickled module, for one), and says what to do.
    """
    if is_safetensors(path):
        return _strip_module(load_tensors(path))
    return unwrap_state_dict(load_torch(path), path)


def fit_state_dict(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load every tensor into the module, which keeps its dtypes (float16 becomes float32).

    where: what the tensors came from, for messages. Counters of seen batches
    (`num_batches_tracked`) may be missing, as they are in old files.
    Raises DataError naming the keys that are missing, unexpected, of another shape or quantised;
    the module is then unchanged.
    """
    check_fit(module, state, where)
    module.load_state_dict(_as_of_today(module, state), strict=False)


def read_published(path: Path) -> OrderedDict[str, Tensor]:
    """Read a state dict that a library published, with the versions of its modules if they are in.

    Raises DataError as `read_state_dict` does.
    """
    content = load_torch(path)
    state: OrderedDict[str, Tensor] = OrderedDict(unwrap_state_dict(content, path))
    state._metadata = getattr(content, "_metadata", None)  # type: ignore[attr-defined]
    return state


def fit_published(module: nn.Module, state: OrderedDict[str, Tensor], path: Path) -> None:
    """Load a state dict that a library published, perhaps long ago, as its modules know how to.

    Unlike `fit_state_dict` it lets every module rename what older versions of it had saved.
    Raises DataError where it does not fit.
    """
    try:
        found = module.load_state_dict(state, strict=False)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} does not fit the network: {error}") from error
    missing = [key for key in found.missing_keys if not _is_counter(key)]
    if missing or found.unexpected_keys:
        complaints = (
            _complain("missing in it", missing),
            _complain("unknown to the network", list(found.unexpected_keys)),
        )
        raise DataError(f"{path} does not fit the network: {'; '.join(filter(None, complaints))}")


def check_fit(module: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Raise DataError, as `fit_state_dict` does, where the tensors are another network's."""
    own = module.state_dict()
    refuse_quantised(state, where, own)
    missing = [key for key in own if key not in state and not _is_counter(key)]
    unexpected = [key for key in state if key not in own]
    reshaped = [key for key in own if key in state and own[key].shape != state[key].shape]
    if missing or unexpected or reshaped:
        complaints = (
            _complain("missing in it", missing),
            _complain("unknown to the network", unexpected),
            _complain("of another shape", [_shapes(key, own, state) for key in reshaped]),
        )
        hint = "" if missing or unexpected else _class_hint(reshaped, own, state)
        raise DataError(
            f"{where} does not fit the network: {'; '.join(filter(None, complaints))}{hint}"
        )


def refuse_quantised(
    state: Mapping[str, Any], where: str, own: Mapping[str, Tensor] | None = None
) -> None:
    """Raise DataError for weights that are not stored as the floating-point numbers they stand for.

    own: the network's tensors, by which integers that should be none are known, too.
    """
    quantised = [
        key
        for key, value in state.items()
        if _PACKED in key or (isinstance(value, Tensor) and _is_quantised(key, value, own or {}))
    ]
    if quantised:
        raise DataError(
            f"{where} is quantised ({_complain('not of floating point', quantised)}): concepts and "
            "pruning need the weights themselves, so give the checkpoint from before it was "
            "quantised, or save each tensor's dequantize() under the network's own names"
        )


def _is_quantised(key: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    if value.is_quantized:
        return True
    return key in own and own[key].is_floating_point() and not value.is_floating_point()


def is_safetensors(path: Path) -> bool:
    """Say in which of the two formats a file of weights is. Raises DataError where it is absent."""
    if not path.is_file():
        raise DataError(f"the weights {path} do not exist, or are no file")
    with path.open("rb") as file:
        head = file.read(9)
    pickled_or_zipped = head.startswith((b"\x80", b"PK"))
    return path.suffix == ".safetensors" or (head[8:] == b"{" and not pickled_or_zipped)


def load_torch(path: Path) -> Any:
    """Read what torch saved, on the CPU, without running code. Raises DataError, saying why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd files, which fail right after
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes the unpickler raise anything
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise DataError(
                f"{path} holds Python objects, not only tensors, and loading it would run code: "
                "where you trust it, load it and save its tensors alone, "
                "torch.save(model.state_dict(), ...)"
            ) from error
        raise DataError(f"{path} is damaged, or no file of weights: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """Say in a line what was wrong, without torch's advice to run the code in the file."""
    if isinstance(error, pickle.UnpicklingError):
        return "torch did not write it"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def unwrap_state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the state dict in what torch saved. Raises DataError where there is none."""
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        kind = type(content).__name__
        raise DataError(f"{path} holds a {kind}, not a state dict (names and their tensors)")
    refuse_quantised({str(key): value for key, value in content.items()}, str(path))
    odd = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if odd or not content:
        raise DataError(
            f"{path} is not a state dict, nor holds one as {' or '.join(_WRAPPERS)}: "
            + (_complain("not tensors", odd) or "it is empty")
        )
    return _strip_module({str(key): value for key, value in content.items()})


def _strip_module(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = "module."
    if not all(key.startswith(prefix) for key in state):
        return state
    return {key.removeprefix(prefix): value for key, value in state.items()}


def _as_of_today(module: nn.Module, state: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Return a state dict that fits as one of the modules' present versions.

    Without the versions, which files often lack, modules would take it for an old one, and change
    it or refuse it, as torchvision's MNASNet does.
    """
    dated: OrderedDict[str, Tensor] = OrderedDict(state)
    dated._metadata = module.state_dict()._metadata  # type: ignore[attr-defined]
    return dated


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] == "num_batches_tracked"


def _complain(what: str, keys: list[str]) -> str:
    if not keys:
        return ""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {what}: {', '.join(keys[:_SHOWN])}{more}"


def _shapes(key: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    return f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"


def _class_hint(reshaped: list[str], own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    owners = {key.rpartition(".")[0] for key in reshaped}
    counts = {state[key].shape[:1] for key in reshaped}
    same_input = all(own[key].shape[1:] == state[key].shape[1:] for key in reshaped)
    if len(owners) > 1 or len(counts) > 1 or not same_input:
        return ""
    classes = state[reshaped[0]].shape[0]
    return (
        f'. Its classifier "{owners.pop()}" knows {classes} classes: pass --num-classes {classes}'
    )
