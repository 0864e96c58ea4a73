"""How is a network made ready to compute, and left as it was?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from prunescope.base.devices import usable_device
from prunescope.base.images import Precision


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's first tensor; the CPU if it has none."""
    tensors = (*network.parameters(), *network.buffers())
    return tensors[0].device if tensors else torch.device("cpu")


@contextmanager
def on_device(network: nn.Module, device: str | torch.device | None) -> Iterator[torch.device]:
    """Have a network on a device, where it is when None, and put it back afterwards.

    Raises ConfigError for a device that this machine does not have.
    """
    before = device_of(network)
    wanted = usable_device(before if device is None else device)
    if wanted == before:
        yield before
        return
    network.to(wanted)
    try:
        yield wanted
    finally:
        network.to(before)


@contextmanager
def in_mode(network: nn.Module, *, training: bool, channels_last: bool = False) -> Iterator[None]:
    """Put a network into a mode and a memory format; afterwards every module has its old mode.

    Weights are left in the contiguous format, as in a network read from a file: otherwise the last
    bits of later results would depend on whether the network was trained or read. Those that came
    in the format asked for keep it: a training that is measured between two steps goes on in it.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.train(training)
    changes_layout = channels_last and not _is_channels_last(network)
    if changes_layout:
        _lay_out(network, torch.channels_last)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        if changes_layout:
            _lay_out(network, torch.contiguous_format)


@contextmanager
def deterministic() -> Iterator[None]:
    """Let a GPU's convolutions take algorithms that give the same bits every time."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


@contextmanager
def exact_arithmetic(device: torch.device, precision: Precision) -> Iterator[None]:
    """Compute in full float32, or in bfloat16 where autocast allows, deterministically.

    A GPU's TF32, on by default in convolutions, keeps 10 bits: too few for a threshold.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    cudnn.allow_tf32 = False
    try:
        with deterministic(), torch.autocast(device.type, torch.bfloat16, precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Compute deterministically, and leave the caller's random state as it was."""
    with deterministic(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the CPU and this device only; torch.manual_seed would reach every accelerator."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)


def _is_channels_last(network: nn.Module) -> bool:
    """Return whether all weights are in that format, and one at least in no other."""
    kernels = [each for each in (*network.parameters(), *network.buffers()) if each.ndim == 4]
    return any(not kernel.is_contiguous() for kernel in kernels) and all(
        kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels
    )


def _lay_out(network: nn.Module, memory_format: torch.memory_format) -> None:
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.ndim == 4:
                tensor.data = tensor.data.clone(memory_format=memory_format)
