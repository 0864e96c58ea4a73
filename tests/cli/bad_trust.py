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

CHOICES = """\
import torch


def number(*_):
    return 7

def other(mask, left):
    return [(["no.weight"], 1)]

def twice(mask, left):
    first = next(iter(mask))
    return [([first], 0), ([first], 0)]

def some(mask, left):
    return [([next(iter(mask))], 0)]

def many(mask, left):
    return [(list(mask), mask.size + 1)]

def grown(before, size, level, strategy):
    return before + level

def none(before, size, level, strategy):
    return 0

def raising(*_):
    raise KeyError("depth")
"""
RUN = "run tiny.yaml --out out --workers 1 --set pruning.strategies.lottery"


def chosen(setting: str, function: str, *words: str) -> Bad:
    """Let the strategy of a study name a function for one of its choices."""
    name = f"choices:{function}"
    return Bad(f"{RUN}.{setting}={name}", (name, *words), write("choices.py", CHOICES))


def of_a_run(setting: str) -> Spoil:
    """Let a run, as somebody may send it, name code in its strategy."""

    def spoil() -> None:
        recipe = Path("run/study.yaml")
        stated = recipe.read_text()
        assert "levels: 1" in stated
        recipe.write_text(
            stated.replace("levels: 1", f"levels: 1\n      {setting}: choices:number")
        )
        Path("choices.py").write_text("raise SystemExit('ran')")

    return spoil


STRATEGIES = {
    "a criterion that nearly exists": Bad(
        f"{RUN}.criterion=magnitud", ("no criterion", 'mean "magnitude"', "package.module:function")
    ),
    "a scope that nearly exists": Bad(f"{RUN}.scope=gobal", ("no scope", 'mean "global"')),
    "a schedule that nearly exists": Bad(
        f"{RUN}.schedule=fractions", ("no schedule", 'mean "fraction"')
    ),
    "a recovery that nearly exists": Bad(f"{RUN}.recovery=rewnd", ("no recovery", 'mean "rewind"')),
    "a scope of a command that nearly exists": Bad(
        "prune dense.pth --keep 0.5 --out p.safetensors --scope gobal",
        ("--scope", 'mean "global"'),
    ),
    "a scope in no module": Bad(f"{RUN}.scope=nowhere:groups", ("no module nowhere here",)),
    "a scope that is no list": chosen("scope", "number", "returned an int"),
    "a scope of other tensors": chosen("scope", "other", "no.weight", "not pruned"),
    "a scope of a tensor twice": chosen("scope", "twice", "into two groups"),
    "a scope without some tensors": chosen("scope", "some", "leaves out"),
    "a scope that keeps more than there are": chosen("scope", "many", "survive"),
    "a scope that raises": chosen("scope", "raising", "KeyError: 'depth'", "choices.py, line"),
    "a schedule that grows": chosen("schedule", "grown", "for level 1", "the level before has"),
    "a schedule that leaves nothing": Bad(
        f"{RUN}.schedule=choices:none", ("no weight at level 1",), write("choices.py", CHOICES)
    ),
    "a recovery that is none": chosen("recovery", "number", "must return a Recovery"),
    "a criterion that is not there": chosen("criterion", "absent", "no function"),
    **{
        f"a run that names code as its {setting}": Bad(
            "run run/study.yaml --out run",
            (f"pruning.strategies.lottery.{setting}", "must not choose what is run", "--set"),
            of_a_run(setting),
        )
        for setting in ("criterion", "scope", "schedule", "recovery")
    },
}

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
