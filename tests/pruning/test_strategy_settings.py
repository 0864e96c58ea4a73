"""Which settings of strategies belong together, and what is said of those that do not?"""

from typing import Any

import pytest

from prunescope.base.errors import ConfigError
from prunescope.pruning.patterns import PrunablePatterns
from prunescope.pruning.settings import PruningSettings
from prunescope.pruning.strategy import StrategySettings
from prunescope.recipe import Recipe

TUNED = {"levels": 1, "recovery": "finetune", "learning_rate": 0.1, "steps": "1ep"}


def strategy(**stated: Any) -> StrategySettings:
    return StrategySettings.validate_from(stated, "recipe")


def pruning(**strategies: dict[str, Any]) -> PruningSettings:
    stated = {"rewind_to": "1ep", "strategies": strategies}
    return PruningSettings.validate_from(stated, "recipe")


def test_densities_say_how_many_levels_there_are() -> None:
    stated = strategy(densities=[0.5, 0.2])
    assert (stated.levels, stated.schedule) == (2, "densities")
    assert strategy(**stated.model_dump(mode="json")) == stated


def test_two_four_is_one_level() -> None:
    assert strategy(structure="2:4").levels == 1


def test_masks_of_another_strategy_are_taken_as_they_are() -> None:
    stated = strategy(of="lottery", levels=2)
    assert stated.criterion == "same"
    assert stated.of is not None
    assert (stated.of.strategy, stated.of.replicate) == ("lottery", None)
    assert strategy(**stated.model_dump(mode="json")) == stated


def test_a_density_alone_enters_the_key_of_its_level() -> None:
    short, long = strategy(densities=[0.5]), strategy(densities=[0.5, 0.2])
    assert short.for_levels()(1) == long.for_levels()(1) != long.for_levels()(2)


def test_how_many_levels_there_are_enters_no_key() -> None:
    assert strategy(levels=1).for_levels()(1) == strategy(levels=2).for_levels()(1)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"densities": [0.5, 0.5]}, "densities do not fall: 0.5 comes after 0.5"),
        ({"densities": [0.2, 0.5]}, "densities do not fall: 0.5 comes after 0.2"),
        ({"densities": [0.5, 0]}, "0, but must be greater than 0"),
        ({"densities": [1.0]}, "1.0, but must be less than 1"),
        ({"densities": []}, "densities is empty"),
        ({"densities": [0.5], "levels": 2}, "levels is 2, but densities are 1"),
        ({"densities": [0.5], "fraction": 0.5}, "fraction and densities both say"),
        ({"densities": [0.5], "schedule": "fraction"}, 'but schedule is "fraction"'),
        ({"levels": 2, "schedule": "densities"}, "needs densities, as in"),
        ({}, "levels is missing"),
        ({"structure": "2:4", "fraction": 0.5}, "keeps two of each four"),
        ({"structure": "2:4", "levels": 2}, 'structure "2:4" prunes once'),
        ({"structure": "2:4", "criterion": "synflow"}, "which removes weights in rounds, but"),
        ({"structure": "filters", "levels": 1, "scope": "erk"}, 'scope is "erk", which goes by'),
        ({"structure": "filters", "levels": 1, "criterion": "snip"}, "scores single weights, but"),
        ({"levels": 1, "criterion": "shuffled"}, "takes the masks of another strategy: name it"),
        ({"levels": 1, "of": "a", "criterion": "random"}, "leave out criterion, or permute them"),
        ({"levels": 1, "of": "a", "fraction": 0.5}, "fraction would say which weights survive"),
        ({"of": "a", "densities": [0.5]}, "densities and schedule would say"),
        ({"levels": 1, "score_images": 5}, 'score_images .* but criterion is "magnitude"'),
        ({"levels": 1, "recovery": "finetune"}, "needs a learning_rate and its steps"),
        ({"levels": 1, "budget": "compute"}, 'budget belong.* to recovery "scratch"'),
        ({"levels": 1, "rate_schedule": "cosine"}, 'rate_schedule belong.* to recovery "finetune"'),
        ({"levels": 1, "recovery": "rewind-rat"}, 'did you mean "rewind-rate"'),
        ({"levels": 1, "criterion": "snipp"}, 'did you mean "snip"'),
        ({"levels": 1, "scope": "erq"}, 'did you mean "erk"'),
    ],
)
def test_settings_that_do_not_belong_together_are_refused(
    stated: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        strategy(**stated)


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        ({"a": {"levels": 1, "of": "lotery"}, "lottery": {"levels": 1}}, 'did you mean "lottery"'),
        ({"a": {"levels": 1, "of": "a"}}, "of leads in a circle"),
        (
            {"a": {"levels": 1, "of": "b"}, "b": {"levels": 1, "of": "a"}},
            "of leads in a circle",
        ),
        ({"a": {"levels": 3, "of": "b"}, "b": {"levels": 2}}, "has 3 levels, but b, whose masks"),
        (
            {"a": {"levels": 1, "of": {"strategy": "b", "replicate": 2}}, "b": {"levels": 1}},
            "masks of replicate 2, but the study has 2 replicates",
        ),
    ],
)
def test_masks_must_come_from_somewhere(strategies: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pruning(**strategies).check_sources(replicates=2)


def test_patterns_name_tensors() -> None:
    patterns = PrunablePatterns(include=("layer?.*", "*.conv1.weight"), exclude=("layer3.*",))
    assert patterns.names("layer1.0.weight")
    assert patterns.names("stem.conv1.weight")
    assert not patterns.names("layer3.conv1.weight")
    assert not patterns.names("fc.weight")
    assert patterns.unmatched(("layer1.weight", "stem.conv1.weight")) == ["layer3.*"]


def test_patterns_that_leave_nothing_out_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is left out"):
        PrunablePatterns.validate_from({}, "recipe")


START = {"weights": "dense.pth"}


@pytest.mark.parametrize(
    ("pruning", "words"),
    [
        ({"twins": 1, "strategies": {"a": TUNED}}, "no rewind point from which twins are trained"),
        (
            {"strategies": {"a": TUNED | {"criterion": "snip"}}},
            'criterion "snip" scores the network at the rewind point',
        ),
        (
            {"strategies": {"a": {"levels": 1, "recovery": "rewind-rate"}}},
            "runs the schedule from pruning.rewind_to on, which is missing",
        ),
        (
            {"strategies": {"a": {"levels": 1, "recovery": "reinitialise"}}},
            "runs the schedule from pruning.rewind_to on, which is missing",
        ),
    ],
)
def test_what_needs_a_rewind_point_is_refused_without_one(
    values: dict[str, Any], pruning: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        Recipe.validate_from(values | {"start": START, "pruning": pruning}, "recipe")


def test_given_weights_may_be_trained_on_by_the_schedule_from_a_step(
    values: dict[str, Any],
) -> None:
    strategies = {"a": {"levels": 1, "recovery": "rewind-rate"}}
    pruning = {"rewind_to": "1ep", "strategies": strategies}
    recipe = Recipe.validate_from(values | {"start": START, "pruning": pruning}, "recipe")
    assert recipe.start is not None
