"""What can be wrong with a file in which weights are looked for, and what must its user be told?"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from cli.world import LEVEL, NETWORK, Bad, Spoil, dense_state, save, whole_network, with_nan, write
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings

ON_SET = "--layer layer3 --concepts broden:set --quantile 0.02 --out out"
LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
RUN = (
    "run tiny.yaml --out out --workers 1 "
    "--set 'start={weights: dense.pth}' --set 'pruning={strategies: {tuned: "
    "{levels: 1, recovery: finetune, learning_rate: 0.1, steps: 1it}}}'"
)
ON_SIDES = f"--network {NETWORK} --num-classes 10 {ON_SET}"


def two_networks() -> dict[str, Any]:
    return {"state_dict": dense_state(), "state_dict_ema": {k: v + 1 for k, v in dense().items()}}


def dense() -> dict[str, Tensor]:
    return {k: v for k, v in dense_state().items() if v.is_floating_point()}


def with_zeros() -> dict[str, Tensor]:
    pruned = prune_saved(
        NETWORK, PruneSettings(keep=0.5), weights=Path("dense.pth"), num_classes=10
    )
    return dict(pruned.network.module.state_dict())


def in_shards(lacking: bool = False, elsewhere: str = "") -> Spoil:
    """Write the dense weights as two shards with an index."""

    def spoil() -> None:
        state = dense_state()
        names = list(state)
        half = len(names) // 2
        parts = {"a.safetensors": names[:half], "b.safetensors": names[half:]}
        weight_map = {name: shard for shard, part in parts.items() for name in part}
        if elsewhere:
            weight_map[names[0]] = elsewhere
        Path("hub").mkdir()
        for shard, part in parts.items():
            if not (lacking and shard == "b.safetensors"):
                save_file({name: state[name] for name in part}, Path("hub", shard))
        index = json.dumps({"weight_map": weight_map})
        Path("hub", "model.safetensors.index.json").write_text(index)

    return spoil


def hub_folder(config: str) -> Spoil:
    def spoil() -> None:
        Path("hub").mkdir()
        save_file(dense_state(), Path("hub", "model.safetensors"))
        Path("hub", "config.json").write_text(config)

    return spoil


def exported() -> None:
    """Write what torch.export calls its archive, as far as it is looked at."""
    with zipfile.ZipFile("dense.pth", "w") as archive:
        archive.writestr("dense/archive_format", b"pt2")


def _on_every_command(
    what: str, words: tuple[str, ...], spoil: Callable[[], object]
) -> dict[str, Bad]:
    """Return a row for each command that opens dense.pth. what: what is wrong with it."""
    commands = {
        "evaluate": f"evaluate {LOADED} --data set/images",
        "dissect": f"dissect {LOADED} {ON_SET}",
        "conventions": f"conventions {LOADED} {ON_SET}",
        "compare": f"compare dense.pth dense.pth {ON_SIDES}",
        "prune": f"prune {LOADED} --keep 0.5 --out small.safetensors",
        "audit": f"audit dense.pth --network {NETWORK} --num-classes 10",
        "run": RUN,
    }
    return {f"{what}, {name}": Bad(command, words, spoil) for name, command in commands.items()}


READING = {
    **_on_every_command(
        "two networks in a file",
        ("2 networks", "state_dict (", "state_dict_ema (", "--key"),
        save("dense.pth", two_networks),
    ),
    **_on_every_command(
        "weights not finite", ("conv1.weight", "finite"), save("dense.pth", with_nan)
    ),
    **_on_every_command(
        "a pickled network",
        ("dense.pth", 'model = torch.load("dense.pth"', "state_dict()"),
        save("dense.pth", whole_network),
    ),
    "a key that nearly exists": Bad(
        f"evaluate {LOADED} --data set/images --key state_dict_em",
        ('"state_dict_em"', 'mean "state_dict_ema"', "state_dict ("),
        save("dense.pth", two_networks),
    ),
    "a key of a file of one network": Bad(
        "audit dense.pth --key model", ('"model"', "leave out --key")
    ),
    "a key of a study that is not there": Bad(
        f"{RUN} --set start.key=ema", ('"ema"', "leave out --key")
    ),
    "a key and no weights": Bad(
        f"evaluate {NETWORK} --key ema --data set/images", ("--key ema", "give --weights")
    ),
    "a key beside a run": Bad("audit run --key ema", ("leave out", "--key")),
    "a key of a level": Bad(f"evaluate {LEVEL} --key ema --data set/images", ('"ema"', "--key")),
    "three keys of two sides": Bad(
        f"compare dense.pth dense.pth {ON_SIDES} --key a,b,c", ('"a,b,c"', "that of A")
    ),
    "a key and nothing to dissect": Bad("compare A B --key ema", ("--key", "--concepts")),
    "weights for a network": Bad(
        "evaluate dense.pth --data set/images", ("does not say its network", "--weights dense.pth")
    ),
    "an ONNX file": Bad(
        f"evaluate {NETWORK} --weights net.onnx --data set/images",
        ("net.onnx", "ONNX", "exported from"),
        write("net.onnx", b"\x08\x09\x12\x07pytorch"),
    ),
    "an ONNX file on a side": Bad(
        f"compare net.onnx dense.pth {ON_SIDES}",
        ("A (net.onnx)", "ONNX"),
        write("net.onnx", b"\x08\x09\x12\x07pytorch"),
    ),
    "an ONNX file to load": Bad(
        "audit net.onnx", ("net.onnx", "ONNX"), write("net.onnx", b"\x08\x09\x12\x07pytorch")
    ),
    "an exported program": Bad(
        f"prune {LOADED} --keep 0.5 --out s.safetensors", ("export",), exported
    ),
    "a web page for weights": Bad(
        f"dissect {LOADED} {ON_SET}",
        ("dense.pth", "web page", "download"),
        write("dense.pth", "<!DOCTYPE html><html></html>"),
    ),
    "a pointer for weights": Bad(
        "audit dense.pth",
        ("git lfs pull",),
        write("dense.pth", "version https://git-lfs.github.com"),
    ),
    "complex weights": Bad(
        f"evaluate {LOADED} --data set/images",
        ("complex", "conv1.weight"),
        save("dense.pth", lambda: {k: v.to(torch.complex64) for k, v in dense().items()}),
    ),
    "weights of eight bits": Bad(
        "audit dense.pth",
        ("quantised", "conv1.weight"),
        save("dense.pth", lambda: {k: v.to(torch.float8_e4m3fn) for k, v in dense().items()}),
    ),
    "weights without values": Bad(
        f"prune {LOADED} --keep 0.5 --out s.safetensors",
        ("no values", "conv1.weight", "meta"),
        save("dense.pth", lambda: {k: v.to("meta") for k, v in dense().items()}),
    ),
    "a shard that is missing": Bad(
        f"evaluate {NETWORK} --weights hub --num-classes 10 --data set/images",
        ("b.safetensors", "not in its folder"),
        in_shards(lacking=True),
    ),
    "a shard outside the folder": Bad(
        "audit hub", ("../dense.pth", "beside it"), in_shards(elsewhere="../dense.pth")
    ),
    "a hub folder that names no network": Bad(
        "evaluate ./hub --data set/images",
        ("hub", "no network of timm", "--weights"),
        hub_folder('{"architecture": "os:system"}'),
    ),
    "a hub folder with a damaged config": Bad(
        "dissect ./hub --layer layer3 --concepts broden:set", ("config.json",), hub_folder("[")
    ),
    "zeros that no mask marks to start from": Bad(
        RUN, ("are zero", "no mask", "start.infer_mask: true"), save("dense.pth", with_zeros)
    ),
    "zeros that are inferred outside what is pruned": Bad(
        f"{RUN} --set start.infer_mask=true --set pruning.prunable=conv",
        ("are zero", "pruning.prunable: conv", "choose a convention"),
        save("dense.pth", lambda: dense_state() | {"linear.weight": torch.zeros(10, 16)}),
    ),
    "a key to rewind to without weights": Bad(
        f"{RUN} --set start.rewind_key=ema", ("start.rewind_key", "there are none")
    ),
}
