"""Which devices and cores does this machine have to compute with?"""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prunescope.base.errors import ConfigError, first_line
from prunescope.base.images import Precision
from prunescope.base.progress import Progress
from prunescope.base.ranks import processes_here

if TYPE_CHECKING:
    import torch

_TAKEN: list[int] = []
"""The GPUs that a cluster gave to this process's job; none where it may use all it sees."""


def default_device() -> str:
    """Return "cuda" if there is a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """Return what the maker calls the default device."""
    import torch

    return torch.cuda.get_device_name() if default_device() == "cuda" else processor_name()


def processor_name() -> str:
    """Return what the maker calls this machine's processor."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def devices_here() -> list[str]:
    """Return the names of this machine's devices: "cpu", "cuda:0", "cuda:1"."""
    import torch

    if not torch.accelerator.is_available():
        return ["cpu"]
    kind = torch.accelerator.current_accelerator()
    count = torch.accelerator.device_count()
    return ["cpu", *(f"{kind}:{index}" for index in range(count))]


def usable_device(device: "str | torch.device") -> "torch.device":
    """Return a device after trying it. Raises ConfigError for one that this machine lacks."""
    import torch

    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise no_device(device) from None
    try:
        torch.zeros(1, device=wanted).item()  # "meta" would take a tensor, but gives none back
    except (RuntimeError, AssertionError, ImportError) as error:
        if f"{wanted.type}:{wanted.index or 0}" not in devices_here():
            raise no_device(device) from None
        raise ConfigError(
            f'device "{device}" is here, but cannot be used: {first_line(error)}'
        ) from None
    return wanted


def no_device(name: object) -> ConfigError:
    """Return the error for a name that no device of this machine has."""
    is_name = isinstance(name, str) or type(name).__name__ == "device"
    shown = f'"{name}"' if is_name else repr(name)
    return ConfigError(
        f"device is {shown}, which is not on this machine: it has {', '.join(devices_here())}"
    )


def usable_cores() -> int:
    """Return how many cores this process may use; a cluster often allows fewer than there are.

    Processes that torchrun started on this machine share them.
    """
    allowed = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if allowed else os.cpu_count() or 1
    return max(1, cores // processes_here())


def say_if_slow(precision: Precision, device: "torch.device", progress: Progress) -> None:
    """Tell the user of bfloat16 on a CPU without AVX-512, which has no instructions for it."""
    import torch

    without = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
    on_x86 = platform.machine() in ("x86_64", "AMD64")
    if precision == "bf16" and device.type == "cpu" and without and on_x86:
        progress.say(
            "this CPU has no instructions for bf16 and may be ten times as fast in float32"
        )


def gpu_count() -> int:
    """Return how many GPUs this process may use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def take_gpus(numbers: Sequence[int]) -> None:
    """Compute on GPUs that are this job's alone, the first of them by default."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # of what an earlier job held on another
        torch.cuda.set_device(numbers[0])
    _TAKEN[:] = numbers


def gpus_of_job() -> list[int]:
    """Return the numbers of the GPUs that this process's job may use."""
    return _TAKEN or list(range(gpu_count()))


def default_workers(independent: int) -> int:
    """Return how many processes to run in parallel for so many independent pieces of work.

    On CPUs as many as there are pieces and cores, since one small training uses two cores badly;
    on GPUs one for each.
    """
    return max(1, min(independent, gpu_count() or usable_cores()))


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute on so many threads, then on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
