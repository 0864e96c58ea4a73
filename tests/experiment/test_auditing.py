"""Is every level of a run looked at, and none accepted that breaks the method's promises?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError, StoreError
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors
from prunescope.experiment.auditing import audit_run
from prunescope.pruning import mask, selection
from prunescope.pruning.lineage import check_level
from prunescope.pruning.mask import Mask
from prunescope.pruning.selection import LevelRule
from prunescope.pruning.strategy import StrategySettings
from prunescope.recipe import Recipe
from runs import make_levels

TinyStudy = Callable[..., Recipe]
FIRST = "replicate-0/lottery/level-01"


def _change(path: Path, name: str, change: Callable[[torch.Tensor], object]) -> None:
    tensors, metadata = load_tensors(path), load_metadata(path)
    tensors[name] = tensors[name].clone()
    change(tensors[name])
    save_tensors(path, tensors, metadata)


def _first(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.nonzero()[0].tolist())


def _prune_one_more(level: Path) -> None:
    mask = Mask.load(level / "mask.safetensors")
    place = _first(mask["conv1.weight"])
    _change(level / "mask.safetensors", "conv1.weight", lambda kept: kept.__setitem__(place, False))
    _change(level / "weights.safetensors", "conv1.weight", lambda w: w.__setitem__(place, 0))


def _revive(level: Path) -> None:
    place = _first(~Mask.load(level / "mask.safetensors")["layer1.0.conv1.weight"])
    _change(
        level / "weights.safetensors", "layer1.0.conv1.weight", lambda w: w.__setitem__(place, 1)
    )


def _cut_mask(level: Path) -> None:
    tensors = load_tensors(level / "mask.safetensors")
    tensors["conv1.weight"] = tensors["conv1.weight"][1:]
    save_tensors(level / "mask.safetensors", tensors)


def test_a_finished_run_keeps_its_promises_at_every_level(finished: Path) -> None:
    found = audit_run(finished)
    assert [level.key.path for level in found.levels] == [
        f"replicate-{replicate}/{level}"
        for replicate in (0, 1)
        for level in ("level-00", "lottery/level-01", "lottery/level-02")
    ]
    assert found.problems == []
    for level in found.levels:
        metrics = json.loads((finished / level.key.path / "metrics.json").read_text())
        assert level.audit.keep == metrics["keep"]
        assert level.audit.keep_overall == metrics["keep_overall"]
        assert level.audit.total("revived") == 0
        if level.key.level > 0:
            assert level.audit.total("nonzero") == metrics["survivors"]
        assert level.audit.resolution == 32
        assert level.key.path in str(found)
    values = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert values["levels"][1]["strategy"] == "lottery"
    assert values["levels"][1]["level"] == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_revive, "1 pruned weight of layer1.0.conv1.weight is not zero"),
        (_prune_one_more, "weights are left of"),
    ],
)
def test_what_is_wrong_is_said_with_its_level(
    run: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(run / FIRST)
    found = audit_run(run)
    assert found.problems[0].startswith(f"{FIRST}: ")
    assert words in found.problems[0]
    assert "PROBLEM: " in str(found)


def test_a_mask_that_grew_is_found(run: Path) -> None:
    shutil.copy(run / FIRST / "mask.safetensors", run / "keep")
    _prune_one_more(run / FIRST)
    second = "replicate-0/lottery/level-02"
    place = _first(
        Mask.load(run / "keep")["conv1.weight"]
        & ~Mask.load(run / FIRST / "mask.safetensors")["conv1.weight"]
    )
    for file in ("mask", "weights"):
        _change(
            run / second / f"{file}.safetensors", "conv1.weight", lambda t: t.__setitem__(place, 1)
        )
    assert any(
        problem.startswith(f"{second}: the mask has grown: 1 weight of conv1.weight")
        for problem in audit_run(run).problems
    )


def test_a_level_whose_origin_is_missing_is_said(run: Path) -> None:
    shutil.rmtree(run / FIRST)
    assert audit_run(run).problems == [
        "replicate-0/lottery/level-01: the whole level is missing; the same run makes it again",
        f"replicate-0/lottery/level-02: {FIRST}, from which it was pruned, is missing",
    ]


def test_a_mask_of_another_shape_is_refused(run: Path) -> None:
    _cut_mask(run / FIRST)
    with pytest.raises(DataError, match=r"level-01/mask.safetensors does not fit .*conv1.weight"):
        audit_run(run)


def test_what_is_no_run_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(ConfigError, match="not a run folder"):
        audit_run(tmp_path)
    for replicate in ("replicate-0", "replicate-1"):
        shutil.rmtree(run / replicate)
    with pytest.raises(ConfigError, match="no finished level"):
        audit_run(run)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda level: None, None),
        (_revive, "1 pruned weight of layer1.0.conv1.weight is not zero"),
        (_prune_one_more, "weights are left of"),
        (_cut_mask, "conv1.weight is"),
        (lambda level: (level / "mask.safetensors").unlink(), "it has no mask.safetensors"),
    ],
)
def test_a_level_is_accepted_only_as_it_should_be(
    run: Path, spoil: Callable[[Path], None], words: str | None
) -> None:
    before = Mask.load(run / FIRST / "mask.safetensors").filled()
    rule = LevelRule.of(StrategySettings(fraction=0.2, levels=1), 1)
    spoil(run / FIRST)
    if words is None:
        check_level(run / FIRST, "level 1", before, rule)
        return
    with pytest.raises(StoreError, match=f"level 1 is not accepted.*{words}"):
        check_level(run / FIRST, "level 1", before, rule)


def test_an_unpruned_level_is_accepted_only_if_it_is_unpruned(run: Path) -> None:
    check_level(run / "replicate-0/level-00", "level 0", None, None)
    with pytest.raises(StoreError, match=r"lacks \d,\d+ of its weights"):
        check_level(run / FIRST, "level 0", None, None)


def test_a_study_stops_where_pruned_weights_come_back(
    tiny_study: TinyStudy, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore_weights = mask.restore

    def forgetful(network: nn.Module, weights: Any, kept: mask.Mask) -> mask.MaskKeeper:
        restore_weights(network, weights, kept)
        return mask.MaskKeeper(network, kept.filled())

    monkeypatch.setattr(mask, "restore", forgetful)
    _remove(run, FIRST)
    with pytest.raises(StoreError, match=r"level 1 of lottery is not accepted, .* are not zero"):
        make_levels(tiny_study(), run)
    assert not (run / FIRST / "weights.safetensors").exists()


def test_a_study_stops_where_a_mask_is_not_as_the_rule_has_it(
    tiny_study: TinyStudy, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "select", lambda scores, mask, *rule: mask)
    _remove(run, FIRST)
    with pytest.raises(StoreError, match=r"but pruning 20 % leaves"):
        make_levels(tiny_study(), run)
    assert not (run / FIRST / "weights.safetensors").exists()


def _remove(run: Path, level: str) -> None:
    shutil.rmtree(run / level)
    for name in ("tables", "figures", "report"):
        shutil.rmtree(run / name)
