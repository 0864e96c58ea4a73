"""What is in a file of weights, whichever tool wrote it: weights, mask, momentum?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_tensors
from prunescope.networks import LEVEL_WEIGHTS
from prunescope.networks.description import (
    Description,
    has_description,
    read_description,
    stated_code,
)
from prunescope.networks.weights import is_safetensors, load_torch, unwrap_state_dict
from prunescope.pruning.interchange import State, as_mask, from_openlth, from_torch
from prunescope.pruning.mask import Mask

LEVEL_MASK = "mask.safetensors"
OPENLTH_MASK = "mask.pth"
_OPENLTH_NETWORK = re.compile(r"model_ep\d+_it\d+\.pth")
_OPTIMIZERS = ("optimizer_state_dict", "optimizer")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
_NETWORK, _MOMENTUM = "network.", "momentum."

T = TypeVar("T")
Memories = dict[str, tuple[Tensor, ...]]


@dataclass(frozen=True, kw_only=True)
class SavedWeights:
    """What a file holds, and the mask inside or beside it.

    state: plain names, values as they take effect. mask: None where nothing says what is pruned.
    memories: what an optimizer remembers of each parameter, in tensors of the parameter's shape;
        None where the file holds no optimizer.
    description: which network the file says it belongs to, if it does.
    notes: what could not be read, for the user.
    """

    path: Path
    state: State
    mask: Mask | None = None
    memories: Memories | None = None
    description: Description | None = None
    notes: tuple[str, ...] = ()

    def named_as_in(self, names: Iterable[str]) -> "SavedWeights":
        """Return the weights under a network's own names.

        OpenLTH puts "model." before the names of torchvision's ResNets, which it wraps.
        """
        prefix, own = "model.", set(names)
        if any(name in own or not name.startswith(prefix) for name in self.state):
            return self
        mask, memories = self.mask, self.memories
        return replace(
            self,
            state=_without(prefix, self.state),
            mask=None if mask is None else Mask(_without(prefix, mask)),
            memories=None if memories is None else _without(prefix, memories),
        )


def read_weights(path: Path, mask: Path | None = None) -> SavedWeights:
    """Read weights and all that is said of them.

    path: a level of a run, or a file: safetensors, a checkpoint of a run's training, a state dict
        or checkpoint as torch saves it (also of a network under `torch.nn.utils.prune`), a network
        or checkpoint of OpenLTH. Nothing in it is executed.
    mask: a file as `read_mask` takes it; None takes the mask inside the file or beside it, see
        `mask_beside`, where there is one.
    Raises DataError for a file that is absent, damaged or something else, or a mask of other
    tensors; ConfigError for a mask beside one that the file holds.
    """
    if path.is_dir():
        path = path / LEVEL_WEIGHTS
    saved = _read_safetensors(path) if is_safetensors(path) else _read_torch(path)
    if mask is not None and saved.mask is not None:
        raise ConfigError(f"{path} holds a mask of its own: leave out --mask {mask}")
    if saved.mask is None:
        beside = mask or mask_beside(path)
        if mask is not None or beside.is_file():
            saved = replace(saved, mask=read_mask(beside))
            _check_fit(saved, beside)
    return saved


def mask_beside(path: Path) -> Path:
    """Return where the mask of a file of weights lies, if it has one.

    `mask.safetensors` beside a level's `weights.safetensors`; OpenLTH's `mask.pth` beside its
    `model_ep160_it0.pth`; `NAME.mask.safetensors` beside any other `NAME.safetensors`.
    """
    if path.name == LEVEL_WEIGHTS:
        return path.with_name(LEVEL_MASK)
    if _OPENLTH_NETWORK.fullmatch(path.name):
        return path.with_name(OPENLTH_MASK)
    return path.with_name(path.name.removesuffix(".safetensors") + ".mask.safetensors")


def read_mask(path: Path) -> Mask:
    """Read a mask: our own, or any state dict of zeros and ones that torch saved, as OpenLTH's.

    Raises DataError for anything else.
    """
    if not path.is_file():
        raise DataError(f"the mask {path} does not exist, or is no file")
    if is_safetensors(path):
        return Mask.load(path)
    return as_mask(unwrap_state_dict(load_torch(path), path), str(path))


def _check_fit(saved: SavedWeights, mask: Path) -> None:
    assert saved.mask is not None  # it was just read
    try:
        saved.mask.check_fit(saved.state)
    except DataError as error:
        raise DataError(f"{mask} does not fit {saved.path}: {error}") from None


def _read_safetensors(path: Path) -> SavedWeights:
    tensors = load_tensors(path)
    refusal = stated_code(path)
    notes = () if refusal is None else (refusal,)
    own = read_description(path) if has_description(path) and refusal is None else None
    if not all(name.startswith((_NETWORK, _MOMENTUM)) for name in tensors):
        state, mask = from_torch(tensors, str(path))
        return SavedWeights(path=path, state=state, mask=mask, description=own, notes=notes)
    momentum = {name: tensor for name, tensor in tensors.items() if name.startswith(_MOMENTUM)}
    network = {name: tensor for name, tensor in tensors.items() if name not in momentum}
    memories: Memories = {name: (tensor,) for name, tensor in _without(_MOMENTUM, momentum).items()}
    return SavedWeights(path=path, state=_without(_NETWORK, network), memories=memories)


def _read_torch(path: Path) -> SavedWeights:
    content = load_torch(path)
    state, mask = from_openlth(unwrap_state_dict(content, path), str(path))
    if mask is None:
        state, mask = from_torch(state, str(path))
    optimizer = next(
        (
            content[key]
            for key in _OPTIMIZERS
            if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)
        ),
        None,
    )
    if optimizer is None:
        return SavedWeights(path=path, state=state, mask=mask)
    memories = _memories(optimizer, state)
    unmatched = (f"what {path} holds of its optimizer cannot be matched to the parameters",)
    notes = unmatched if memories is None else ()
    return SavedWeights(path=path, state=state, mask=mask, memories=memories, notes=notes)


def _memories(optimizer: Mapping[str, Any], state: State) -> Memories | None:
    """Match an optimizer's state, which torch saves by number, to the parameters in their order.

    None where their number or their shapes do not agree.
    """
    names = [name for name in state if name.rpartition(".")[2] not in _BUFFERS]
    try:
        numbers = [number for group in optimizer["param_groups"] for number in group["params"]]
        if len(numbers) != len(names):
            return None
        found = {
            name: tuple(
                value
                for value in optimizer["state"].get(number, {}).values()
                if isinstance(value, Tensor) and value.dim() > 0
            )
            for name, number in zip(names, numbers, strict=True)
        }
    except (KeyError, TypeError, AttributeError):
        return None
    fits = all(value.shape == state[name].shape for name in found for value in found[name])
    return found if fits else None


def _without(prefix: str, named: Mapping[str, T]) -> dict[str, T]:
    return {name.removeprefix(prefix): value for name, value in named.items()}
