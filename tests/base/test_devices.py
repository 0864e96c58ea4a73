"""Is no more asked of a machine than it gives?"""

import os
import platform

import pytest
import torch

from prunescope.base import devices
from prunescope.base.devices import computing_with
from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    def make(device: str, cores: int) -> None:
        gpus = int(device.partition(":")[2] or 1) if device.startswith("cuda") else 0
        monkeypatch.setattr(devices, "gpu_count", lambda: gpus)
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda process: set(range(cores)), raising=False
        )

    return make


@pytest.mark.parametrize(
    ("device", "cores", "independent", "workers"),
    [
        ("cpu", 2, 6, 2),
        ("cpu", 8, 3, 3),
        ("cpu", 1, 3, 1),
        ("cpu", 4, 0, 1),
        ("cuda", 16, 6, 1),
        ("cuda:4", 16, 6, 4),
    ],
)
def test_as_many_workers_as_pieces_and_cores(machine, device, cores, independent, workers):
    machine(device, cores)
    assert devices.default_workers(independent) == workers


def test_cores_that_this_process_may_not_use_do_not_count(machine):
    machine("cpu", 3)
    assert devices.usable_cores() == 3


def test_a_device_that_is_there_is_returned():
    assert devices.usable_device("cpu") == torch.device("cpu")
    assert devices.usable_device(torch.device("cpu", 0)) == torch.device("cpu:0")


@pytest.mark.parametrize("name", ["foo", "gpu", "", "cuda:99", "xpu:9", "hpu", "mps:7", "meta", 99])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(ConfigError) as caught:
        devices.usable_device(name)
    shown = f'"{name}"' if isinstance(name, str) else name
    here = ", ".join(devices.devices_here())
    assert str(caught.value) == (f"device is {shown}, which is not on this machine: it has {here}")


def test_every_device_that_is_named_can_be_used():
    assert "cpu" in devices.devices_here()
    for name in devices.devices_here():
        assert devices.usable_device(name) == torch.device(name)


def test_as_many_threads_are_used_as_asked_and_then_as_many_as_before():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with computing_with(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("capability", "machine", "precision", "device", "told"),
    [
        ("AVX2", "x86_64", "bf16", "cpu", 1),
        ("DEFAULT", "AMD64", "bf16", "cpu", 1),
        ("AVX512", "x86_64", "bf16", "cpu", 0),
        ("DEFAULT", "arm64", "bf16", "cpu", 0),
        ("AVX2", "x86_64", "float32", "cpu", 0),
        ("AVX2", "x86_64", "bf16", "cuda", 0),
    ],
)
def test_bf16_that_a_cpu_is_slow_at_is_told(
    monkeypatch, capability, machine, precision, device, told
):
    said: list[str] = []

    class Heard(Progress):
        def say(self, message: str) -> None:
            said.append(message)

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    devices.say_if_slow(precision, torch.device(device), Heard())
    assert len(said) == told
    assert all("bf16" in message and "float32" in message for message in said)
