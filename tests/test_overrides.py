"""Does `--set` change what it names, and say what is wrong where it cannot?"""

from pathlib import Path

import pytest
import yaml

from prunescope.base.errors import ConfigError
from prunescope.recipe import Recipe, load_recipe
from runs import tiny_recipe


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(Path("pictures"))))
    return path


def test_values_lists_and_mappings_can_be_set(recipe: Path) -> None:
    study = load_recipe(
        recipe,
        [
            "training.learning_rate=1e-3",
            "training.milestones=[1ep, 2ep]",
            "dissection.layers=[layer3]",
            "data.mean=[0.5, 0.5, 0.5]",
            "data.memory=1GiB",
            "concepts.split=null",
            "pruning.strategies.lottery.levels=5",
            "pruning.strategies.gentle={fraction: 0.1, levels: 3}",
        ],
    )
    assert study.training.learning_rate == 1e-3
    assert study.training.milestones == ("1ep", "2ep")
    assert study.dissection.layers == ("layer3",)
    assert study.data.mean == (0.5, 0.5, 0.5)
    assert study.data.memory == 2**30
    assert study.concepts.split is None
    strategies = study.pruning.strategies
    assert {name: own.levels for name, own in strategies.items()} == {"lottery": 5, "gentle": 3}
    assert strategies["lottery"].fraction == 0.2


def test_a_mapping_can_replace_all_strategies(recipe: Path) -> None:
    study = load_recipe(recipe, ["pruning.strategies={only: {levels: 1}}"])
    assert list(study.pruning.strategies) == ["only"]


def test_what_was_null_can_be_given_settings(recipe: Path) -> None:
    study = load_recipe(recipe, ["training.augmentation=null", "training.augmentation.flip=true"])
    assert study.training.augmentation is not None
    assert study.training.augmentation.flip


def test_of_two_the_later_counts(recipe: Path) -> None:
    assert load_recipe(recipe, ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed", ["--set seed", '"a.b=c"']),
        ("=3", ["--set =3", '"a.b=c"']),
        ("training.=3", ["--set training.=3", '"a.b=c"']),
        ("trainin.to=1ep", ["trainin is not a setting", 'did you mean "training"']),
        ("training.lerning_rate=1", ['did you mean "learning_rate"']),
        ("training.to.epochs=1", ["training.to is a value"]),
        ("dissection.layers.0=layer3", ["dissection.layers is a value", "dissection.layers=[a,b]"]),
        ("dissection.layers=[layer3", ["--set dissection.layers=[layer3", "is not YAML"]),
        ("dissection.layers=layer3", ["dissection.layers", "layer3"]),
        ("pruning.strategies.lottery.fraction=2", ["pruning.strategies.lottery.fraction is 2"]),
        ("pruning.strategies.dense={levels: 1}", ['"dense" cannot name a strategy']),
        ("pruning.strategies.lottery=5", ["pruning.strategies.lottery is 5"]),
        ("replicates=two", ["replicates is 'two'"]),
    ],
)
def test_a_wrong_one_is_refused_with_its_name(
    recipe: Path, override: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_recipe(recipe, [override])
    for word in words:
        assert word in str(refused.value)


def test_overrides_do_not_change_the_recipe(recipe: Path) -> None:
    before = recipe.read_text()
    changed: Recipe = load_recipe(recipe, ["seed=7"])
    assert changed.seed == 7
    assert recipe.read_text() == before
