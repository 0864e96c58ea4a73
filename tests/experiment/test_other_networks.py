"""Does every strategy that makes sense run for the families of networks that are in use?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunescope.base.errors import ConfigError
from prunescope.experiment.auditing import audit_run
from prunescope.recipe import Recipe
from runs import make_levels

TinyStudy = Callable[..., Recipe]
STRATEGIES: dict[str, dict[str, Any]] = {
    "lottery": {"levels": 1},
    "erk": {"criterion": "random", "scope": "erk", "densities": [0.5]},
    "shuffled": {"criterion": "shuffled", "of": "lottery", "levels": 1},
    "snip": {"criterion": "snip", "scope": "layerwise", "densities": [0.5], "score_images": 8},
    "grasp": {"criterion": "grasp", "scope": "layerwise", "densities": [0.5], "score_images": 8},
    "rate": {"recovery": "rewind-rate", "levels": 1},
    "tuned": {"recovery": "finetune", "steps": "1it", "learning_rate": 0.01, "levels": 1},
    "fresh": {"recovery": "reinitialise", "of": "lottery", "levels": 1},
    "compute": {"recovery": "scratch", "budget": "compute", "scope": "erk", "densities": [0.5]},
    "two-four": {"structure": "2:4"},
    "filters": {"structure": "filters", "fraction": 0.25, "levels": 1},
}
NETWORKS = {
    "vgg": "timm:vgg11_bn,mlp_ratio=0.01",
    "densenet": "timm:densenet121",
    "mobilenet": "timm:mobilenetv3_small_050",
    "convnext": "timm:convnext_atto",
    "vit": "timm:vit_tiny_patch16_224,img_size=32,depth=2",
}
_QUICK = ("convnext", "vit")


@pytest.mark.long
@pytest.mark.parametrize(
    "family",
    [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS],
)
def test_every_strategy_runs(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path, family: str
) -> None:
    training = values["training"] | {"to": "2it", "milestones": [], "evaluate_every": "end"}
    training |= {"learning_rate": 0.001, "augmentation": None}
    strategies = STRATEGIES.copy()
    if family == "mobilenet":  # whose hard sigmoid has no second derivative
        del strategies["grasp"]
    study = tiny_study(
        network=NETWORKS[family],
        replicates=1,
        training=training,
        pruning={"rewind_to": "1it", "strategies": strategies},
    )
    run = make_levels(study, tmp_path / "run")
    audit = audit_run(run)
    assert [problem for problem in audit.problems if "level-" in problem] == []
    assert len(audit.levels) == 1 + len(strategies)


@pytest.mark.long
def test_second_derivatives_that_torch_has_not_are_named(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    strategies = {"grasp": STRATEGIES["grasp"]}
    study = tiny_study(
        network=NETWORKS["mobilenet"],
        replicates=1,
        pruning={"rewind_to": "0it", "strategies": strategies},
    )
    with pytest.raises(ConfigError, match="needs second derivatives, and torch has none of hard"):
        make_levels(study, tmp_path / "run")


def test_filters_of_a_network_with_zero_padded_shortcuts_that_cannot_go_are_named(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    strategies = {"filters": {"structure": "filters", "fraction": 0.25, "levels": 1}}
    study = tiny_study(replicates=1, pruning={"rewind_to": "1ep", "strategies": strategies})
    run = make_levels(study, tmp_path / "run")  # the inner convolutions of each block alone
    audit = audit_run(run)
    assert [problem for problem in audit.problems if "level-" in problem] == []


def test_a_network_without_any_removable_filter_is_refused(
    tiny_study: TinyStudy, tmp_path: Path, values: dict[str, Any]
) -> None:
    (tmp_path / "one_layer.py").write_text(
        "from torch import nn\n\n\ndef make(num_classes):\n"
        "    pooled = nn.AdaptiveAvgPool2d(4), nn.Flatten()\n"
        "    return nn.Sequential(*pooled, nn.Linear(48, num_classes))\n"
    )
    strategies = {"filters": {"structure": "filters", "fraction": 0.25, "levels": 1}}
    study = tiny_study(
        network="one_layer:make",
        data=values["data"] | {"mean": [0.5] * 3, "std": [0.25] * 3},
        replicates=1,
        pruning={"rewind_to": "1ep", "strategies": strategies},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="no filter of the network can be removed"):
            make_levels(study, tmp_path / "run")
