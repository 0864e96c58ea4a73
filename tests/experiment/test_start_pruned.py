"""Does a study that starts from pruned weights stay inside their mask, and say what is left?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_tensors
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.check import check_study
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.sources import Sources
from prunescope.experiment.status import status
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.mask import Mask
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.recipe import Recipe
from runs import make_levels, perform

TinyStudy = Callable[..., Recipe]
NETWORK = "cifar_resnet20,width=0.25"
TUNED = {"levels": 1, "recovery": "finetune", "learning_rate": 0.01, "steps": "4it"}
BOTH = {
    "rewind_to": "1ep1it",
    "strategies": {
        "tuned": TUNED,
        "lottery": {"fraction": 0.3, "levels": 2},
        "shuffled": {"criterion": "shuffled", "of": "lottery", "levels": 1},
    },
}
LEVELS = (
    "level-00",
    "tuned/level-01",
    "lottery/level-01",
    "lottery/level-02",
    "shuffled/level-01",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dense networks and the first one pruned, in several forms."""
    folder = tmp_path_factory.mktemp("own")
    for seed, name in enumerate(("dense", "early")):
        torch.save(build(NETWORK, num_classes=10, seed=seed).state_dict(), folder / f"{name}.pth")
    pruned = prune_saved(
        NETWORK, PruneSettings(keep=0.4), weights=folder / "dense.pth", num_classes=10
    )
    write_weights(folder / "pruned.safetensors", pruned.network, pruned.mask, "prunescope")
    write_weights(folder / "torch.pth", pruned.network, pruned.mask, "torch")
    openlth = folder / "openlth" / "model_ep2_it0.pth"
    write_weights(openlth, pruned.network, pruned.mask, "openlth")
    torch.save(pruned.network.module.state_dict(), folder / "zeros.pth")
    both = {"state_dict": torch.load(folder / "dense.pth"), "state_dict_ema": _state(pruned)}
    torch.save(both, folder / "ema.pth")
    return folder


def _state(pruned: Any) -> dict[str, Tensor]:
    return dict(pruned.network.module.state_dict())


@pytest.fixture(scope="module")
def started(tiny_study: TinyStudy, values: dict[str, Any], files: Path) -> TinyStudy:
    """Return a function that gives a study from a file by its name, and whatever else it says."""

    def make(weights: str, **changes: Any) -> Recipe:
        start = {"weights": str(files / weights), "rewind_weights": str(files / "early.pth")}
        settings: dict[str, Any] = {
            "replicates": 1,
            "training": values["training"] | {"to": "2ep", "milestones": []},
            "dissection": values["dissection"] | {"layers": ["layer3"]},
            "pruning": BOTH,
        }
        start |= changes.pop("start", {})
        return tiny_study(**settings | changes, start=start)

    return make


@pytest.fixture(scope="module")
def finished(started: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_levels(started("torch.pth"), tmp_path_factory.mktemp("run") / "started")


def _given_mask(files: Path) -> Mask:
    return Mask.load(files / "pruned.mask.safetensors")


def _level(run: Path, level: str) -> tuple[dict[str, Tensor], Mask, dict[str, Any]]:
    folder = run / "replicate-0" / level
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return (
        load_tensors(folder / "weights.safetensors"),
        Mask.load(folder / "mask.safetensors"),
        metrics,
    )


def test_level_0_is_the_pruned_weights_with_their_mask(finished: Path, files: Path) -> None:
    weights, mask, metrics = _level(finished, "level-00")
    given, state = _given_mask(files), load_tensors(files / "pruned.safetensors")
    assert list(mask) == list(given)
    assert all(torch.equal(mask[name], given[name]) for name in given)
    assert all(torch.equal(weights[name], state[name]) for name in state)
    assert metrics["survivors"] == round(0.4 * given.size)
    assert (metrics["keep"], metrics["prunable"]) == (given.keep, given.size)


def test_every_later_level_stays_inside_the_mask(finished: Path) -> None:
    masks = {level: _level(finished, level)[1] for level in LEVELS}
    first = masks["level-00"].survivors
    assert [masks[level].survivors for level in LEVELS] == [
        first,
        round(first * 0.8),
        round(first * 0.7),
        round(round(first * 0.7) * 0.7),
        round(first * 0.7),
    ]
    for before, after in (*((LEVELS[0], level) for level in LEVELS), (LEVELS[2], LEVELS[3])):
        for name, kept in masks[after].items():
            assert not bool((kept & ~masks[before][name]).any())
    for level in LEVELS:
        weights, mask, metrics = _level(finished, level)
        assert mask.revived(weights) == []
        assert metrics["keep"] == mask.keep


def test_its_audit_finds_nothing_and_counts_the_mask(finished: Path, files: Path) -> None:
    found = audit_run(finished)
    assert found.problems == []
    assert found.levels[0].key.path == "replicate-0/level-00"
    assert found.levels[0].audit.keep == _given_mask(files).keep
    assert not [title for title in status(finished).to_do if title.startswith("replicate")]


@pytest.mark.parametrize(
    ("weights", "start"),
    [
        ("pruned.safetensors", {}),
        ("openlth/model_ep2_it0.pth", {}),
        ("zeros.pth", {"infer_mask": True}),
        ("ema.pth", {"key": "state_dict_ema", "infer_mask": True}),
    ],
)
def test_every_form_of_a_pruned_file_gives_the_same_level_0(
    started: TinyStudy, finished: Path, tmp_path: Path, weights: str, start: dict[str, Any]
) -> None:
    study = started(weights, start=start)
    perform(study, tmp_path / "run", ("level", "evaluation"), first=True)
    for name in ("weights.safetensors", "mask.safetensors", "metrics.json"):
        made = (tmp_path / "run" / "replicate-0" / "level-00" / name).read_bytes()
        assert made == (finished / "replicate-0" / "level-00" / name).read_bytes()


def _zeros(files: Path) -> int:
    state = torch.load(files / "zeros.pth")
    return sum(int((state[name] == 0).sum()) for name in _given_mask(files))


def test_zeros_that_no_mask_marks_are_refused_with_their_number(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"start.infer_mask: true") as raised:
        run_study(started("zeros.pth"), tmp_path / "run", workers=1)
    assert f"{_zeros(files):,} of the" in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_zeros_that_a_mask_keeps_are_refused_too(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    """A mask of the first tensor alone, which would let all others grow back."""
    path = tmp_path / "net.safetensors"
    path.write_bytes((files / "pruned.safetensors").read_bytes())
    given = _given_mask(files)
    Mask({"conv1.weight": given["conv1.weight"]}).save(tmp_path / "net.mask.safetensors")
    with pytest.raises(DataError, match=r"weights that the mask keeps are zero"):
        check_study(study := started(str(path)), Sources(study))
    study = started(str(path), start={"infer_mask": True})
    check_study(study, Sources(study))


def test_a_few_zeros_are_weights_like_any_other(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    state = torch.load(files / "dense.pth")
    state["conv1.weight"].view(-1)[:20] = 0
    torch.save(state, tmp_path / "few.pth")
    study = started(str(tmp_path / "few.pth"))
    check_study(study, Sources(study))


def test_what_is_pruned_outside_the_convention_is_refused(started: TinyStudy) -> None:
    """The classifier is, where only convolutions are prunable."""
    pruning = BOTH | {"prunable": "conv"}
    study = started("torch.pth", pruning=pruning)
    with pytest.raises(ConfigError, match=r"start.weights .*linear.weight is pruned already"):
        check_study(study, Sources(study))
    study = started("zeros.pth", pruning=pruning, start={"infer_mask": True})
    with pytest.raises(ConfigError, match=r"are zero, outside what pruning.prunable: conv holds"):
        check_study(study, Sources(study))


def test_rewinding_weights_must_hold_what_level_0_keeps(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    inside = prune_saved(
        NETWORK, PruneSettings(keep=0.4), weights=files / "early.pth", num_classes=10
    )
    write_weights(tmp_path / "early.safetensors", inside.network, inside.mask, "prunescope")
    study = started("torch.pth", start={"rewind_weights": str(tmp_path / "early.safetensors")})
    with pytest.raises(DataError, match=r"start.rewind_weights .* that start.weights keeps are"):
        check_study(study, Sources(study))


def test_rewinding_weights_may_lack_a_mask_but_not_be_pruned(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    state = torch.load(files / "early.pth")
    state["linear.weight"].zero_()  # as some layers start
    torch.save(state, tmp_path / "early.pth")
    study = started("torch.pth", start={"rewind_weights": str(tmp_path / "early.pth")})
    check_study(study, Sources(study))
    state["layer1.0.conv1.weight"][:, :2] = 0
    torch.save(state, tmp_path / "early.pth")
    with pytest.raises(DataError, match=r"start.rewind_weights .* are pruned in it"):
        check_study(study, Sources(study))


def test_levels_that_would_be_empty_are_counted_from_what_is_left(started: TinyStudy) -> None:
    lottery = {"fraction": 0.993, "levels": 2}
    pruning = {"rewind_to": "1ep1it", "strategies": {"lottery": lottery}}
    study = started("dense.pth", pruning=pruning)
    check_study(study, Sources(study))
    study = started("torch.pth", pruning=pruning)
    with pytest.raises(ConfigError, match="leaves no weight at level 2"):
        check_study(study, Sources(study))


def _keys(study: Recipe) -> dict[str, str]:
    return {a.path: a.key for a in plan_study(study, facts_of(study)).artifacts}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {path for path in before if before[path] != after[path]}


def test_keys_hold_how_a_file_is_read_and_no_default(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    stated = {"key": None, "rewind_key": None, "infer_mask": False}
    before = _keys(started("zeros.pth"))
    assert _keys(started("zeros.pth", start=stated)) == before
    inferred = _changed(before, _keys(started("zeros.pth", start={"infer_mask": True})))
    assert "replicate-0/level-00" in inferred
    assert "replicate-0/rewind" not in inferred
    keyed = _changed(before, _keys(started("zeros.pth", start={"rewind_key": "x"})))
    assert {"replicate-0/rewind", "replicate-0/lottery/level-01"} <= keyed
    assert {"replicate-0/level-00", "replicate-0/tuned/level-01"}.isdisjoint(keyed)


def test_the_mask_beside_a_file_enters_the_key_where_it_prunes(
    started: TinyStudy, files: Path, tmp_path: Path
) -> None:
    path, beside = tmp_path / "net.safetensors", tmp_path / "net.mask.safetensors"
    path.write_bytes((files / "pruned.safetensors").read_bytes())
    alone = _keys(started(str(path)))
    given = _given_mask(files)
    Mask({name: torch.ones_like(kept) for name, kept in given.items()}).save(beside)
    assert _changed(alone, _keys(started(str(path)))) == set()
    given.save(beside)
    assert "replicate-0/level-00" in _changed(alone, _keys(started(str(path))))


def test_a_bias_that_torch_pruned_is_refused(started: TinyStudy, tmp_path: Path) -> None:
    network = build(NETWORK, num_classes=10, seed=0)
    linear = next(m for m in network.modules() if isinstance(m, nn.Linear))
    torch_prune.l1_unstructured(linear, "bias", 0.5)
    torch.save(network.state_dict(), tmp_path / "bias.pth")
    study = started(str(tmp_path / "bias.pth"))
    with pytest.raises(ConfigError, match=r"linear.bias is pruned already"):
        check_study(study, Sources(study))
