"""How is a network made ready for work, and left as it was?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def device_of(network: nn.Module) -> torch.device:
    """Return where the network's first parameter lies; the CPU if it has none."""
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


@contextmanager
def ready(network: nn.Module, *, training: bool, channels_last: bool) -> Iterator[None]:
    """Put a network into a mode and a memory format; afterwards every module has its old mode.

    Weights leave in the plain format, as a network read from a file has them: otherwise what is
    computed later would depend, in its last bits, on whether the network was trained or read.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.train(training)
    if channels_last:
        _lay_out(network, torch.channels_last)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        if channels_last:
            _lay_out(network, torch.contiguous_format)


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Let work draw random numbers and leave the caller's random state untouched.

    On an accelerator, convolutions take algorithms that give the same bits every time.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the CPU and this device only; torch.manual_seed would reach every accelerator."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)


def _lay_out(network: nn.Module, memory_format: torch.memory_format) -> None:
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.ndim == 4:
                tensor.data = tensor.data.clone(memory_format=memory_format)
