"""Does a study that starts from given weights take them as they are, and recover as it says?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_tensors
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.check import check_study
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import dry_run, run_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.sources import Sources
from prunescope.experiment.status import status
from prunescope.networks.registry import build
from prunescope.recipe import Recipe
from prunescope.training import loop
from runs import contents, make_levels
from training.conftest import Recorder

TinyStudy = Callable[..., Recipe]
pytestmark = pytest.mark.long
NETWORK = "cifar_resnet20,width=0.25"
TUNED = {"levels": 2, "recovery": "finetune", "learning_rate": 0.01, "steps": "4it"}
BOTH = {
    "rewind_to": "1ep1it",
    "strategies": {"tuned": TUNED, "lottery": {"fraction": 0.3, "levels": 1}},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dense.pth, a network of ten classes, and early.pth, another of its kind."""
    folder = tmp_path_factory.mktemp("own")
    for seed, name in enumerate(("dense", "early")):
        torch.save(build(NETWORK, num_classes=10, seed=seed).state_dict(), folder / f"{name}.pth")
    return folder


@pytest.fixture(scope="module")
def small(tiny_study: TinyStudy, values: dict[str, Any], files: Path) -> TinyStudy:
    """Return a function that gives a study of one replicate that starts from given weights."""
    start = {"weights": str(files / "dense.pth"), "rewind_weights": str(files / "early.pth")}
    training = values["training"] | {"to": "2ep", "milestones": []}
    settings: dict[str, Any] = {
        "replicates": 1,
        "training": training,
        "dissection": values["dissection"] | {"layers": ["layer3"]},
        "pruning": BOTH,
        "start": start,
    }
    return lambda **changes: tiny_study(**settings | changes)


@pytest.fixture(scope="module")
def finished(small: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "started"
    run_study(small(), out, workers=1)
    return out


def _make_levels(study: Recipe, out: Path) -> dict[str, bytes]:
    """Make the levels of a study alone, without dissecting them; return their files."""
    return _level_files(make_levels(study, out))


def _level_files(run: Path) -> dict[str, bytes]:
    return {
        name: content
        for name, content in contents(run).items()
        if name.startswith("replicate-") and "dissection" not in name
    }


def _weights(run: Path, level: str) -> dict[str, Tensor]:
    return load_tensors(run / "replicate-0" / level / "weights.safetensors")


def _metrics(run: Path, level: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "replicate-0" / level / "metrics.json").read_text())
    return found


def test_level_0_is_the_given_weights_measured_and_dissected(finished: Path, files: Path) -> None:
    given = torch.load(files / "dense.pth", weights_only=True)
    saved = _weights(finished, "level-00")
    assert all(torch.equal(saved[name], given[name]) for name in given)
    metrics = _metrics(finished, "level-00")
    assert (metrics["keep"], metrics["rewound_to"], metrics["trained_to"]) == (1.0, None, None)
    assert 0 <= metrics["top1"] <= metrics["top5"] <= 1
    assert (finished / "replicate-0/level-00/dissection/layer3/units.parquet").is_file()
    assert len(pd.read_csv(finished / "replicate-0/level-00/history.csv")) == 0


def test_a_fine_tuned_level_trains_on_from_the_level_before(finished: Path) -> None:
    for level, before in (("tuned/level-01", "level-00"), ("tuned/level-02", "tuned/level-01")):
        history = pd.read_csv(finished / "replicate-0" / level / "history.csv")
        assert history.iteration.tolist() == [3, 4]
        assert set(history.learning_rate) == {0.01}
        metrics = _metrics(finished, level)
        assert (metrics["rewound_to"], metrics["trained_to"]) == (None, "1ep1it")
        now, then = _weights(finished, level), _weights(finished, before)
        counter = "bn1.num_batches_tracked"
        assert int(now[counter]) == int(then[counter]) + 4


def test_a_rewound_level_goes_back_to_the_given_checkpoint(finished: Path, files: Path) -> None:
    early = torch.load(files / "early.pth", weights_only=True)
    moment = load_tensors(finished / "replicate-0/rewind/weights.safetensors")
    assert all(torch.equal(moment[name], early[name]) for name in early)
    history = pd.read_csv(finished / "replicate-0/lottery/level-01/history.csv")
    assert history.iteration.tolist() == [6]
    metrics = _metrics(finished, "lottery/level-01")
    assert (metrics["rewound_to"], metrics["trained_to"]) == ("1ep1it", "2ep")


def test_its_audit_finds_nothing(finished: Path) -> None:
    found = audit_run(finished)
    assert [level.key.path for level in found.levels] == [
        f"replicate-0/{level}"
        for level in ("level-00", "tuned/level-01", "tuned/level-02", "lottery/level-01")
    ]
    assert found.problems == []
    assert [level.audit.total("revived") for level in found.levels] == [0] * 4


def test_nothing_is_left_and_the_page_says_where_it_started(finished: Path) -> None:
    assert status(finished).to_do == ()
    page = (finished / "report" / "index.html").read_text()
    assert "from dense.pth on" in page
    assert "fine-tuned for 4it at a rate of 0.01" in page


def test_stopped_in_the_middle_it_ends_with_the_same_bytes(
    small: TinyStudy, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped once inside the fine-tuning of level 2, after a checkpoint."""
    seen, real = [], loop.train

    def stopping(*arguments: Any, **named: Any) -> pd.DataFrame:
        def keep(optimizer: Any) -> None:
            seen.append(optimizer)
            if len(seen) == 5 + 1 + 3:
                raise KeyboardInterrupt

        return real(*arguments, **named | {"after_step": keep, "checkpoint_minutes": 0.0})

    monkeypatch.setattr(loop, "train", stopping)
    with pytest.raises(KeyboardInterrupt):
        _make_levels(small(), tmp_path / "run")
    assert list((tmp_path / "run" / ".work").rglob("checkpoint.safetensors"))
    monkeypatch.undo()
    assert _make_levels(small(), tmp_path / "run") == _level_files(finished)


def test_without_rewinding_there_is_no_moment_and_no_step(small: TinyStudy, files: Path) -> None:
    study = small(
        pruning={"strategies": {"tuned": TUNED}}, start={"weights": str(files / "dense.pth")}
    )
    plan = plan_study(study, facts_of(study))
    assert {stage.kind for stage in plan.stages}.isdisjoint({"rewind"})
    check_study(study, Sources(study))


def test_a_dry_run_counts_fine_tuning_by_its_steps(small: TinyStudy, tmp_path: Path) -> None:
    found = dry_run(small(), tmp_path / "run", workers=1)
    assert len(found.to_do) == 1 + 4 * 4
    assert found.seconds > 0
    assert not (tmp_path / "run").exists()


def test_fine_tuning_follows_a_training_of_ones_own_too(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path
) -> None:
    study = tiny_study(
        replicates=1,
        training=values["training"] | {"to": "1ep", "milestones": []},
        pruning={"rewind_to": "0it", "strategies": {"tuned": TUNED | {"levels": 1}}},
    )
    _make_levels(study, tmp_path / "run")
    before, after = (_weights(tmp_path / "run", level) for level in ("level-00", "tuned/level-01"))
    counter = "bn1.num_batches_tracked"
    assert [int(weights[counter]) for weights in (before, after)] == [3, 3 + 4]
    assert audit_run(tmp_path / "run").problems == []


def _keys(study: Recipe) -> dict[str, str]:
    return {a.path: a.key for a in plan_study(study, facts_of(study)).artifacts}


def test_keys_hold_the_content_of_the_weights_and_not_their_place(
    small: TinyStudy, files: Path, tmp_path: Path
) -> None:
    dense, early = files / "dense.pth", files / "early.pth"
    copy = tmp_path / "copy.pth"
    copy.write_bytes(dense.read_bytes())
    before = _keys(small())
    moved = _keys(small(start={"weights": str(copy), "rewind_weights": str(early)}))
    assert {path for path in before if before[path] != moved[path]} == {"report"}  # it names it
    other = _keys(small(start={"weights": str(early), "rewind_weights": str(early)}))
    same = {path for path in before if before[path] == other[path]}
    assert same == {"replicate-0/rewind"}
    swapped = _keys(small(start={"weights": str(dense), "rewind_weights": str(dense)}))
    changed = {path for path in before if before[path] != swapped[path]}
    assert "replicate-0/lottery/level-01" in changed
    assert {"replicate-0/level-00", "replicate-0/tuned/level-02"}.isdisjoint(changed)


def test_training_settings_leave_given_weights_alone(
    small: TinyStudy, values: dict[str, Any]
) -> None:
    training = values["training"] | {"to": "2ep", "milestones": [], "weight_decay": 0.5}
    before, after = _keys(small()), _keys(small(training=training))
    assert before["replicate-0/level-00"] == after["replicate-0/level-00"]
    assert before["replicate-0/tuned/level-01"] != after["replicate-0/tuned/level-01"]


def test_a_run_folder_names_the_weights_wherever_it_is_opened(
    finished: Path, files: Path, small: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(files / "dense.pth") in (finished / "study.yaml").read_text()
    monkeypatch.chdir(files)
    study = small(start={"weights": "dense.pth", "rewind_weights": "early.pth"}).anchored()
    assert study.start is not None
    assert study.start.weights == str(files / "dense.pth")
    assert study.start.rewind_weights == str(files / "early.pth")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": {"weights": "a"}}, "lottery rewinds, but start gives no weights to rewind to"),
        ({"pruning": {"strategies": {"lottery": {"levels": 1}}}}, "rewind_to is missing"),
        ({"pruning": {"strategies": {"tuned": TUNED}}}, "but there is none"),
        ({"start": {"weight": "a"}}, 'did you mean "weights"'),
        ({"start": None, "pruning": {"strategies": {"tuned": TUNED}}}, "rewind_to is missing"),
        ({"start": {}}, "start.weights is missing"),
    ],
)
def test_a_start_that_does_not_fit_its_strategies_is_refused(
    small: TinyStudy, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        small(**changes)


def _spoil(path: Path, name: str) -> None:
    """Write weights that cannot be level 0 of the study."""
    state = build(NETWORK, num_classes=10, seed=0).state_dict()
    if name == "classes":
        state = build(NETWORK, num_classes=7, seed=0).state_dict()
    elif name == "network":
        state = build("cifar_resnet32,width=0.25", num_classes=10, seed=0).state_dict()
    elif name == "nan":
        state["conv1.weight"][0, 0, 0, 0] = torch.nan
    torch.save(state, path)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("absent", "start.weights is .*, but there is no such file"),
        ("classes", r"start\.weights .* knows 7 classes, but the photographs have 10$"),
        ("network", r"unknown to the network: layer1\.3\.conv1\.weight"),
        ("nan", r"conv1\.weight holds a value that is not finite"),
    ],
)
def test_weights_that_cannot_be_level_0_are_refused_before_anything_is_written(
    small: TinyStudy, files: Path, tmp_path: Path, fault: str, said: str
) -> None:
    weights = tmp_path / "own.safetensors"
    if fault != "absent":
        weights = tmp_path / "own.pth"
        _spoil(weights, fault)
    study = small(start={"weights": str(weights), "rewind_weights": str(files / "early.pth")})
    with pytest.raises(DataError, match=said):
        run_study(study, tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_a_large_set_is_said_to_be_read_as_needed_and_changes_no_byte_of_the_levels(
    small: TinyStudy, values: dict[str, Any], finished: Path, tmp_path: Path
) -> None:
    recorder = Recorder()
    study = small(data=values["data"] | {"memory": 32 * 32 * 3 * 5})
    check_study(study, Sources(study), recorder)
    assert [line.partition(" were")[0] for line in recorder.said] == [
        "40 of the 40 images of the split train",
        "20 of the 20 images of the split val",
    ]
    assert _make_levels(study, tmp_path / "run") == _level_files(finished)


def test_crops_of_photographs_take_a_dry_run_and_a_centre_crop_measures_them(
    small: TinyStudy, values: dict[str, Any], tmp_path: Path
) -> None:
    augmentation = {"random_resized_crop": {}, "flip": True}
    training = values["training"] | {"to": "2ep", "milestones": [], "augmentation": augmentation}
    data = values["data"] | {"resolution": 24, "evaluation": {"resize": 28}}
    study = small(data=data, training=training)
    sources = Sources(study)
    assert sources.train_images.size == sources.test_images.size == (24, 24)
    assert sources.train_images.original(0).size == (32, 32)
    found = dry_run(study, tmp_path / "run", workers=1)
    assert found.seconds > 0
    plain = small(training=study.training.model_dump(), data=values["data"] | {"resolution": 24})
    before, after = _keys(plain), _keys(study)
    assert before["replicate-0/rewind"] == after["replicate-0/rewind"]
    assert before["replicate-0/level-00"] != after["replicate-0/level-00"]
