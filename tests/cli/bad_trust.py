"""What may a file, or an option, not make a command do, and what must its user be told?"""

import json
from pathlib import Path

from cli.world import LEVEL, NETWORK, Bad, Spoil, write
from prunescope.base.tensors import load_tensors, save_tensors


def named(name: object, **changes: object) -> Spoil:
    """Let a level say that it belongs to a network."""
    facts = {"name": name, "num_classes": 10, "mean": [0.5] * 3, "std": [0.25] * 3}
    values = facts | {"resolution": 32} | changes

    def spoil() -> None:
        path = Path(LEVEL) / "weights.safetensors"
        save_tensors(path, load_tensors(path), {"network": json.dumps(values)})

    return spoil


EVALUATE = f"evaluate {LEVEL} --data set/images"
RAISING = "def make():\n    raise KeyError('depth')\n"

TRUST = {
    "a level that names a function": Bad(
        EVALUATE,
        ("factories:grey", "must not choose what is run", "--weights"),
        named("factories:grey"),
    ),
    "a level that names an option that reads": Bad(
        EVALUATE,
        ("checkpoint_path a file must not choose", "name the network yourself"),
        named("timm:resnet18,checkpoint_path=x"),
    ),
    "a level whose name is no text": Bad(EVALUATE, ("name 7",), named(7)),
    "a level of too many classes": Bad(
        EVALUATE, ("num_classes 100000000000",), named(NETWORK, num_classes=10**11)
    ),
    "a level whose mean is not finite": Bad(
        EVALUATE, ("mean is nan",), named(NETWORK, mean=[float("nan")] * 3)
    ),
    "a level whose resolution is negative": Bad(
        EVALUATE, ("resolution -1",), named(NETWORK, resolution=-1)
    ),
    "an option of timm that fetches": Bad(
        "evaluate timm:resnet18,pretrained_cfg=x --data set/images", ("cannot take pretrained_cfg",)
    ),
    "a network too large for memory": Bad(
        "evaluate timm:vit_tiny_patch16_224,embed_dim=300000000 --data set/images",
        ("timm refuses", "there is not enough memory for it"),
    ),
    "a function that raises": Bad(
        "evaluate raising:make --data set/images",
        ("KeyError: 'depth'", "raising.py, line 2"),
        write("raising.py", RAISING),
    ),
}
