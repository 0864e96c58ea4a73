"""What is wrong with what looks like a network, weights or an image, part by part?"""

import json
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

from cli.world import NETWORK, Bad, append, dense_state, save

_LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
_ON_IMAGES = "--data set/images --split val"
_EVALUATE = f"evaluate {_LOADED} {_ON_IMAGES}"
_LAZY = """
def lazy(num_classes=10):
    from torch import nn
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.LazyLinear(num_classes))
"""
_RAISING = """
class _Raising(__import__("torch").nn.Conv2d):
    def forward(self, images):
        raise KeyError("48 pixels only")

def raising():
    return _Raising(3, 10, 1)
"""


def _random_state() -> dict[str, torch.Tensor]:
    return {name: torch.randn_like(each) if each.is_floating_point() else each
            for name, each in dense_state().items()}  # fmt: skip


def _averages_without_names() -> object:
    ema = {"shadow_params": list(dense_state().values()), "decay": 0.9, "num_updates": 3}
    return {"model": _random_state(), "ema": ema}


def _averages_of_a_callback() -> object:
    prefixed = [{f"model.{k}": v for k, v in s.items()} for s in (dense_state(), _random_state())]
    callbacks = {"EarlyStopping{'monitor': 'loss'}": {}, "EMA": {"ema_state_dict": prefixed[0]}}
    return {"state_dict": prefixed[1], "callbacks": callbacks}


def _below_zero() -> object:
    state = dense_state()
    return state | {"bn1.running_var": -torch.ones_like(state["bn1.running_var"])}


def _hub(**arguments: object) -> Callable[[], None]:
    def make() -> None:
        Path("hub").mkdir()
        network = timm.create_model("test_resnet", num_classes=10)
        save_file(network.state_dict(), "hub/model.safetensors")
        config = {"architecture": "test_resnet", "num_classes": 10, "model_args": arguments}
        Path("hub/config.json").write_text(json.dumps(config))

    return make


def _of_a_huge_image() -> None:
    described = {"name": NETWORK, "num_classes": 10, "mean": [0.5] * 3, "std": [0.5] * 3}
    text = json.dumps(described | {"resolution": 1_000_000})
    save_file(dense_state(), "huge.safetensors", {"network": text})


DOOR = {
    "averages without names beside a network": Bad(
        _EVALUATE, ("ema.shadow_params", "averages", "--key model"),
        save("dense.pth", _averages_without_names),
    ),
    "averages that a callback keeps beside a network": Bad(
        _EVALUATE, ("2 networks", "callbacks.EMA.ema_state_dict", "--key"),
        save("dense.pth", _averages_of_a_callback),
    ),
    "a variance below zero": Bad(_EVALUATE, ("nan", "variance"), save("dense.pth", _below_zero)),
    "a hub folder whose network has a list for an option": Bad(
        f"evaluate hub {_ON_IMAGES}", ("config.json", "channels=[1, 2]", "--weights hub"),
        _hub(channels=[1, 2]),
    ),
    "a hub folder whose network is built with a file": Bad(
        f"evaluate hub {_ON_IMAGES}", ("config.json", "act_layer='a.b'", "--weights hub"),
        _hub(act_layer="a.b"),
    ),
    "an image that no memory holds": Bad(
        f"audit dense.pth --network {NETWORK} --num-classes 10 --resolution 100000",
        ("--resolution",),
    ),
    "a file that asks for an image that no memory holds": Bad(
        "audit huge.safetensors", ("huge.safetensors", "resolution is 1000000"), _of_a_huge_image
    ),
    "a pruned network that is lazy": Bad(
        "prune factories:lazy --weights dense.pth --keep 0.5 --out l.safetensors",
        ("lazy", "batch of images first"), append("factories.py", _LAZY),
    ),
    "layers of a network that is lazy": Bad(
        "dissect factories:lazy --list-layers --resolution 32",
        ("lazy", "batch of images first"), append("factories.py", _LAZY),
    ),
    "a network that raises what networks do not": Bad(
        "evaluate factories:raising --data set/images --mean 0,0,0 --std 1,1,1",
        ("_Raising fails", "KeyError", "48 pixels only"), append("factories.py", _RAISING),
    ),
}  # fmt: skip
