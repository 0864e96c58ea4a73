"""One small network in the forms in which people save it, written by the tools themselves."""

import argparse
import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.ao.pruning import WeightNormSparsifier
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune
from torch.optim.swa_utils import AveragedModel

State = dict[str, Tensor]


class Times(nn.Module):
    """A parametrization that multiplies by a mask, as people write their own."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


class Masked(nn.Conv2d):
    """A layer that masks as it computes, as in code of SynFlow and others."""

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__(3, 8, 3)
        self.load_state_dict(plain.state_dict())
        self.register_buffer("weight_mask", (self.weight.abs() > 0.1).float())

    def forward(self, images: Tensor) -> Tensor:
        return self._conv_forward(images, self.weight * self.weight_mask, self.bias)


def small() -> nn.Sequential:
    """Make a network of a convolution, normalisation, a transposed convolution and a classifier."""
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.ConvTranspose2d(8, 6, 2),
            nn.Conv2d(6, 6, 2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(24, 4),
        )
        network(torch.randn(16, 3, 8, 8))  # its statistics are no longer 0 and 1
        return network.eval()


def small_network() -> nn.Module:
    """Make it for a command."""
    return small()


def pruned() -> nn.Sequential:
    """Make it under torch.nn.utils.prune."""
    network = small()
    torch_prune.global_unstructured(
        [(network[0], "weight"), (network[6], "weight")], torch_prune.L1Unstructured, amount=0.5
    )
    return network


def _structured() -> nn.Module:
    network = small()
    torch_prune.ln_structured(network[0], "weight", 0.5, n=2, dim=0)
    torch_prune.l1_unstructured(network[0], "weight", 0.1)
    return network


def _removed() -> nn.Module:
    network = pruned()
    for layer in (network[0], network[6]):
        torch_prune.remove(layer, "weight")
    return network


def _parametrized(*chosen: tuple[int, Callable[[nn.Module], nn.Module]]) -> nn.Module:
    network = small()
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        for index, register in chosen:
            register(network[index])
        network.train()
        for _ in range(5):  # spectral norms find their vectors
            network(torch.randn(4, 3, 8, 8))
    return network.eval()


def _mask_of(layer: nn.Module) -> nn.Module:
    mask = (layer.weight.abs() > 0.1).float()
    return parametrize.register_parametrization(layer, "weight", Times(mask))


def _weight_norm(layer: nn.Module, dim: int | None = 0) -> nn.Module:
    return parametrizations.weight_norm(layer, dim=dim)


def _old_weight_norm(layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # it is deprecated, but its files remain
        return nn.utils.weight_norm(layer)


def _normed_direction_pruned() -> nn.Module:
    network = small()
    _old_weight_norm(network[0])
    torch_prune.l1_unstructured(network[0], "weight_v", 0.5)
    return network


def sparsified(*, squashed: bool) -> nn.Module:
    """Make it under torch.ao.pruning, or as it is afterwards."""
    network = small()
    sparsifier = WeightNormSparsifier(
        sparsity_level=0.5, sparse_block_shape=(1, 1), zeros_per_block=1
    )
    with warnings.catch_warnings(action="ignore"):  # torch means to move it
        sparsifier.prepare(network, [{"tensor_fqn": "6.weight"}])
        sparsifier.step()
        if squashed:
            sparsifier.squash_mask()
    return network


def _masked_in_forward() -> nn.Module:
    network = small()
    network[0] = Masked(network[0])
    return network


LIVE: dict[str, Callable[[], nn.Module]] = {
    "plain": small,
    "torch masks": pruned,
    "torch masks, twice on one layer": _structured,
    "torch masks, removed": _removed,
    "a mask in forward": _masked_in_forward,
    "a parametrization by a mask": lambda: _parametrized((0, _mask_of), (6, _mask_of)),
    "two masks on one weight": lambda: _parametrized((0, _mask_of), (0, _mask_of)),
    "torch.ao.pruning, squashed": lambda: sparsified(squashed=True),
    "weight_norm": lambda: _parametrized((0, _weight_norm), (2, _weight_norm), (6, _weight_norm)),
    "weight_norm of the whole": lambda: _parametrized((6, lambda own: _weight_norm(own, None))),
    "weight_norm of the second axis": lambda: _parametrized((2, lambda own: _weight_norm(own, 1))),
    "weight_norm under a mask": lambda: _parametrized((0, _weight_norm), (0, _mask_of)),
    "weight_norm, the older": lambda: _parametrized((0, _old_weight_norm), (6, _old_weight_norm)),
    "weight_norm, the older, its direction pruned": _normed_direction_pruned,
    "spectral_norm": lambda: _parametrized(
        (0, parametrizations.spectral_norm),
        (2, parametrizations.spectral_norm),
        (6, parametrizations.spectral_norm),
    ),
    "spectral_norm, the older": lambda: _parametrized(
        (0, nn.utils.spectral_norm), (2, nn.utils.spectral_norm), (6, nn.utils.spectral_norm)
    ),
    "spectral_norm under a mask": lambda: _parametrized(
        (0, parametrizations.spectral_norm), (0, _mask_of)
    ),
    "torch.compile": lambda: torch.compile(pruned()),
    "DataParallel": lambda: nn.DataParallel(pruned()),
    "DataParallel of torch.compile": lambda: nn.DataParallel(torch.compile(pruned())),
    "activation checkpointing inside": lambda: _checkpointed(small()),
    "an average": lambda: AveragedModel(_removed()),
    "an average of DataParallel": lambda: AveragedModel(nn.DataParallel(small())),
    "inside another, by one name": lambda: nn.ModuleDict({"model": pruned()}),
    "inside another, by two names": lambda: nn.ModuleDict(
        {"net": nn.ModuleDict({"backbone": pruned()})}
    ),
}
"""Networks that compute; what a plain one loads from their state dicts must compute the same."""


def _checkpointed(network: nn.Sequential) -> nn.Module:
    network[0] = checkpoint_wrapper(network[0])
    return network


def _fsdp(state: State) -> State:
    return {f"_fsdp_wrapped_module.{name}": tensor for name, tensor in state.items()}


def _lightning(state: State) -> Any:
    inner = {f"model.{name}": tensor for name, tensor in state.items()}
    return {
        "epoch": 1,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": inner,
        "loops": {},
        "callbacks": {"best": {"score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {}, "param_groups": []}],
        "hyper_parameters": {"lr": 0.1},
    }


WRAPPED: dict[str, Callable[[State], Any]] = {
    "state_dict": lambda state: {"epoch": 3, "state_dict": state, "best": torch.tensor(0.5)},
    "model_state_dict": lambda state: {"model_state_dict": state},
    "model": lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": []}},
    "net": lambda state: {"net": state},
    "weights": lambda state: {"weights": state},
    "a name of their own": lambda state: {"best_network": state, "round": 7},
    "two levels down": lambda state: {"checkpoint": {"model": state}, "epoch": 1},
    "the same twice": lambda state: {"model": state, "state_dict": copy.deepcopy(state)},
    "beside arguments": lambda state: {"state_dict": state, "args": argparse.Namespace(lr=0.1)},
    "FSDP": _fsdp,
    "FSDP inside": lambda state: {
        f"{name.partition('.')[0]}._fsdp_wrapped_module.{name.partition('.')[2]}": tensor
        for name, tensor in state.items()
    },
    "DDP of torch.compile of FSDP": lambda state: {
        f"module._orig_mod.{name}": tensor for name, tensor in _fsdp(state).items()
    },
    "Lightning": _lightning,
    "sparse COO": lambda state: {
        name: tensor.to_sparse() if tensor.dim() > 1 else tensor for name, tensor in state.items()
    },
    "sparse CSR": lambda state: {
        name: _compressed(tensor) if tensor.dim() == 2 else tensor for name, tensor in state.items()
    },
    "float64": lambda state: {
        name: tensor.double() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    },
}
"""What torch.save is given for a state dict."""


def _compressed(tensor: Tensor) -> Tensor:
    with warnings.catch_warnings(action="ignore"):  # that such tensors are new
        return tensor.to_sparse_csr()


def write_hub_folder(folder: Path, state: State, config: object) -> Path:
    """Write a folder as `save_pretrained` does."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: t.contiguous() for name, t in state.items()}, folder / "model.safetensors")
    return folder


def write_shards(folder: Path, state: State, *, form: str = "safetensors") -> Path:
    """Write a state dict in two shards, with their index; return the index."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = "model" if form == "safetensors" else "pytorch_model"
    names = list(state)
    parts = {
        f"{stem}-00001-of-00002.{form}": names[: len(names) // 2],
        f"{stem}-00002-of-00002.{form}": names[len(names) // 2 :],
    }
    for shard, part in parts.items():
        tensors = {name: state[name].contiguous() for name in part}
        if form == "safetensors":
            save_file(tensors, folder / shard)
        else:
            torch.save(tensors, folder / shard)
    weight_map = {name: shard for shard, part in parts.items() for name in part}
    index = folder / f"{stem}.{form}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return index
