"""Which artifacts does a study consist of, and what changes their keys?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunescope.base.files import fingerprint
from prunescope.experiment.facts import SourceFacts, StudyFacts
from prunescope.experiment.plan import plan_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.stages.dissection import DissectionStage
from prunescope.recipe import Recipe, shipped_recipe

TinyStudy = Callable[..., Recipe]


def _keys(study: Recipe) -> dict[str, str]:
    plan = plan_study(study, facts_of(study))
    return {artifact.title: artifact.key for artifact in plan.artifacts}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {path for path in before | after if before.get(path) != after.get(path)}


def test_a_plan_names_every_artifact_of_design(tiny_study: TinyStudy) -> None:
    levels = ["level-00", "lottery/level-01", "lottery/level-02"]
    expected = {"tables", "figures", "report"}
    for replicate in ("replicate-0", "replicate-1"):
        expected.add(f"{replicate}/rewind")
        for level in levels:
            expected |= {f"{replicate}/{level}", f"{replicate}/{level} (evaluation)"}
            layers = {f"{replicate}/{level}/dissection/layer{i}" for i in (2, 3)}
            expected |= layers | {f"{layer} (scores)" for layer in layers}
    assert set(_keys(tiny_study())) == expected


def test_stages_come_after_those_they_need(tiny_study: TinyStudy) -> None:
    study = tiny_study()
    seen: set[str] = set()
    for stage in plan_study(study, facts_of(study)).stages:
        assert seen.issuperset(each.title for each in stage.inputs)
        assert stage.title not in seen
        seen.add(stage.title)


def test_the_same_study_has_the_same_keys(tiny_study: TinyStudy) -> None:
    assert _keys(tiny_study()) == _keys(tiny_study())


def test_a_null_changes_the_dissections_and_what_is_made_of_them_alone(
    tiny_study: TinyStudy,
) -> None:
    before = _keys(tiny_study())
    dissection = tiny_study().dissection.model_dump(exclude={"memory"}, exclude_defaults=True)
    assert _keys(tiny_study(dissection=dissection | {"null": 0})) == before
    changed = _changed(before, _keys(tiny_study(dissection=dissection | {"null": 20})))
    made = {path for path in before if "/dissection/" in path}
    assert changed == made | {"tables", "figures", "report"}


def test_every_key_is_its_own(tiny_study: TinyStudy) -> None:
    keys = list(_keys(tiny_study()).values())
    assert len(set(keys)) == len(keys)


def test_more_levels_and_replicates_leave_what_exists(tiny_study: TinyStudy) -> None:
    more = tiny_study(
        replicates=3,
        pruning={"rewind_to": "1ep1it", "strategies": {"lottery": {"levels": 4}}},
    )
    before = _keys(tiny_study())
    changed = _changed(before, _keys(more))
    assert changed & set(before) == {"tables", "figures", "report"}


def test_another_layer_leaves_the_others(tiny_study: TinyStudy, values: dict[str, Any]) -> None:
    dissection = values["dissection"] | {"layers": ["layer3", "layer1"]}
    before, after = _keys(tiny_study()), _keys(tiny_study(dissection=dissection))
    path = "replicate-0/level-00/dissection/layer3"
    assert before[path] == after[path]
    assert before["replicate-0/level-00"] == after["replicate-0/level-00"]


def test_dissection_settings_leave_the_training(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    dissection = values["dissection"] | {"quantile": 0.02}
    changed = _changed(_keys(tiny_study()), _keys(tiny_study(dissection=dissection)))
    assert all("dissection" in path or "/" not in path for path in changed)
    assert "replicate-1/lottery/level-02/dissection/layer2" in changed


def test_a_training_setting_changes_everything(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    training = values["training"] | {"weight_decay": 2e-4}
    before = _keys(tiny_study())
    assert _changed(before, _keys(tiny_study(training=training))) == set(before)


def test_the_fraction_changes_pruned_levels_alone(tiny_study: TinyStudy) -> None:
    other = {"rewind_to": "1ep1it", "strategies": {"lottery": {"fraction": 0.3, "levels": 2}}}
    changed = _changed(_keys(tiny_study()), _keys(tiny_study(pruning=other)))
    assert "replicate-0/lottery/level-01" in changed
    assert "replicate-0/level-00" not in changed


def test_a_scope_that_is_the_default_changes_no_key_and_another_its_own_levels_alone(
    tiny_study: TinyStudy,
) -> None:
    def keys(**scope: str) -> dict[str, str]:
        lottery = {"fraction": 0.2, "levels": 2, **scope}
        return _keys(
            tiny_study(pruning={"rewind_to": "1ep1it", "strategies": {"lottery": lottery}})
        )

    assert keys(scope="global") == keys()
    changed = _changed(keys(), keys(scope="layerwise"))
    assert "replicate-0/lottery/level-01" in changed
    assert all("lottery" in path or "/" not in path for path in changed)


def test_a_later_setting_at_its_default_changes_no_key_of_a_level(tiny_study: TinyStudy) -> None:
    """What a level's key is made of, as it was written before there were more settings."""
    study = tiny_study()
    plan = plan_study(study, facts_of(study))
    first = next(level for level in plan.levels if level.key.level == 1)
    settings = {"prunable": "all", "fraction": 0.2}
    point, dense = (artifact.key for stage in first.inputs for artifact in stage.artifacts)
    made_of = {"kind": "level", "version": 3, "settings": settings, "inputs": [point, dense]}
    assert first.artifacts[0].key == fingerprint(made_of)


def test_the_convention_exact_changes_no_key_and_another_its_own_dissections_alone(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    def keys(convention: str) -> dict[str, str]:
        dissection = values["dissection"] | {"convention": convention, "iou": 0.05}
        return _keys(tiny_study(dissection=dissection))

    assert keys("exact") == _keys(tiny_study())
    changed = _changed(keys("exact"), keys("netdissect"))
    assert "replicate-0/level-00/dissection/layer3" in changed
    assert all("dissection" in path or "/" not in path for path in changed)
    assert keys("netdissect") != keys("lite")


def test_a_key_of_a_dissection_is_made_of_what_it_was_before_there_were_conventions(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    earlier = {"arithmetic": "plain", "association": False}
    study = tiny_study(dissection=values["dissection"] | earlier)
    facts = facts_of(study)
    plan = plan_study(study, facts)
    level = plan.levels[0]
    settings = {
        "concepts": facts.concepts.fingerprint,
        "layer": "layer3",
        "quantile": 0.01,
        "resolution": None,
        "mean": None,
        "std": None,
        "batch_size": 32,
        "precision": "float32",
        "examples": 4,
    }
    made_of = {"kind": "dissection", "settings": settings, "inputs": [level.artifacts[0].key]}
    keys = [fingerprint(made_of | {"version": version}) for version in range(1, 9)]
    dissection = next(stage for stage in plan.of(DissectionStage) if stage.level is level)
    assert dissection.layers["layer3"].key in keys


def test_another_arithmetic_measures_and_dissects_again_and_trains_nothing(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    def keys(arithmetic: str, **changes: Any) -> dict[str, str]:
        dissection = values["dissection"] | {"arithmetic": arithmetic}
        return _keys(tiny_study(dissection=dissection, **changes))

    assert keys("folded") == _keys(tiny_study())
    changed = _changed(keys("folded"), keys("plain"))
    assert "replicate-0/level-00 (evaluation)" in changed
    assert all(
        "dissection" in path or "(evaluation)" in path or "/" not in path for path in changed
    )
    in_bfloat16 = {"training": values["training"] | {"precision": "bf16"}}
    changed = _changed(keys("folded", **in_bfloat16), keys("plain", **in_bfloat16))
    assert "replicate-0/level-00/dissection/layer3" in changed
    assert not any("evaluation" in path for path in changed)


def test_quick_dissects_on_the_training_images_unless_a_split_is_stated(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    quick = values["dissection"] | {"convention": "quick"}
    concepts = {"source": values["concepts"]["source"]}
    study = tiny_study(dissection=quick, concepts=concepts)
    stated = tiny_study(dissection=quick, concepts=concepts | {"split": "train"})
    every = tiny_study(dissection=quick, concepts=concepts | {"split": "all"})
    fingerprints = [facts_of(each).concepts.fingerprint for each in (study, stated, every)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


NAMED = StudyFacts(
    data=SourceFacts(fingerprint="photographs", images=100),
    concepts=SourceFacts(fingerprint="concepts", images=100),
)
"""Photographs and concepts by name alone, so that keys depend on settings only."""


@pytest.mark.parametrize(
    ("recipe", "rewinding", "levels"),
    [
        (
            "demo",
            "cc74a9bed072a88dad09def024e9630551a56bfbbdc3ca887c34929a34116efd",
            "d2950328fc1b6c45b2092b7b9c1c0cfc58f18cf30aa463599449919e9e2be5d3",
        ),
        (
            "tiny_imagenet_small",
            "fd9034edc0e3245d120c65aed376958bcfa466b3f2538d90109915a1618ac4a2",
            "e1c861957d5f2341c5d09d5220e0a6141af06a42f1f88d00c7c97709011572c1",
        ),
    ],
)
def test_keys_of_shipped_recipes_do_not_change_unnoticed(
    recipe: str, rewinding: str, levels: str
) -> None:
    """Settings that come later do not enter where they are not used."""
    plain = shipped_recipe(recipe).dissection.model_copy(update={"arithmetic": "plain"})
    study = shipped_recipe(recipe).model_copy(update={"dissection": plain})
    plan = plan_study(study, NAMED)
    keys = {artifact.title: artifact.key for artifact in plan.artifacts}
    assert keys["replicate-0/rewind"] == rewinding
    trained = {path: key for path, key in keys.items() if "level-" in path.rpartition("/")[2]}
    assert fingerprint(trained) == levels


@pytest.mark.parametrize(
    "change",
    [
        {"label_smoothing": 0.1},
        {"weight_decay_on": "weights"},
        {"zero_last_gamma": True},
        {"schedule": "one-cycle", "milestones": []},
    ],
)
def test_a_later_training_setting_changes_every_key_where_it_is_used(
    tiny_study: TinyStudy, values: dict[str, Any], change: dict[str, Any]
) -> None:
    before = _keys(tiny_study())
    changed = _keys(tiny_study(training=values["training"] | change))
    assert _changed(before, changed) == set(before)


def test_where_data_lie_changes_no_key_but_the_pages(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path
) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(pictures)
    moved = tiny_study(
        data={"source": str(link / "images"), "test_split": "val"},
        concepts={"source": f"broden:{link}", "split": "val"},
    )
    assert _changed(_keys(tiny_study()), _keys(moved)) == {"report"}  # it names the folder


def test_the_name_is_on_the_page_alone(tiny_study: TinyStudy) -> None:
    assert _changed(_keys(tiny_study()), _keys(tiny_study(name="other"))) == {"report"}


def test_other_code_of_a_factory_changes_everything(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = tmp_path / "own_network_of_a_plan.py"
    study = tiny_study(network="own_network_of_a_plan:make")
    module.write_text("make = 1")
    before = _keys(study)
    module.write_text("make = 2")
    assert _changed(before, _keys(study)) == set(before)


@pytest.mark.parametrize("memory", ["1GiB", "8GiB"])
def test_memory_changes_no_key(tiny_study: TinyStudy, values: dict[str, Any], memory: str) -> None:
    assert _keys(tiny_study(data=values["data"] | {"memory": memory})) == _keys(tiny_study())


def test_recalibration_costs_a_third_of_the_images_it_shows(tiny_study: TinyStudy) -> None:
    def cost(**training: Any) -> float:
        study = tiny_study()
        settings = study.training.model_copy(update=training)
        study = study.model_copy(update={"training": settings})
        return sum(stage.cost() for stage in plan_study(study, facts_of(study)).levels)

    levels = len(plan_study(tiny_study(), facts_of(tiny_study())).levels)
    size = tiny_study().training.batch_size
    assert cost(recalibrate=6) - cost() == pytest.approx(levels * 6 * size / 3)
