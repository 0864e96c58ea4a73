"""Do schedules, scopes and recoveries say what they should, and is what else they say refused?"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from oracle import pruning as oracle
from prunescope.base.errors import ConfigError
from prunescope.base.seeding import Seeds
from prunescope.pruning.choices import RECOVERIES, REGISTRIES, SCHEDULES
from prunescope.pruning.mask import Mask
from prunescope.pruning.recovery import Recovery, origin_of, recovery_of
from prunescope.pruning.selection import LevelRule, check_strategy, groups, survivors_at
from prunescope.pruning.strategy import StrategySettings
from prunescope.training.settings import TrainingSettings

SEEDS = Seeds(init=7, order=8, augmentation=9)
TRAINING = TrainingSettings.model_validate(
    {"to": "9ep", "batch_size": 4, "learning_rate": 0.1, "weight_decay": 0, "milestones": ["5ep"]}
)
TUNED = {"recovery": "finetune", "learning_rate": 0.01, "steps": "2ep"}
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a user's module, called `mine`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)

    def write(program: str) -> None:
        (tmp_path / "mine.py").write_text(program)

    return write


def mask() -> Mask:
    return Mask({"a.weight": torch.ones(2, 5) > 0, "b.weight": torch.arange(5) > 1})


def test_there_is_a_file_for_each_choice() -> None:
    assert {kind.kind for kind in REGISTRIES} <= StrategySettings.model_fields.keys()
    assert SCHEDULES.names == ("densities", "fraction")
    assert RECOVERIES.names == ("finetune", "reinitialise", "rewind", "rewind-rate", "scratch")


def test_levels_keep_what_the_fraction_leaves_of_those_before() -> None:
    strategy = StrategySettings(fraction=0.36, levels=5)
    left = 100
    for level in range(1, 6):
        expected = oracle.survivors_after(left, "0.36")
        left = survivors_at(level, left, 120, strategy)
        assert left == expected


@pytest.mark.parametrize(("scope", "shares"), [("global", [10]), ("layerwise", [8, 2])])
def test_a_scope_shares_out_what_the_schedule_leaves(scope: str, shares: list[int]) -> None:
    rule = LevelRule.of(StrategySettings(levels=1), 1)
    found = groups(mask(), scope, rule.left)
    assert [count for _, count in found] == shares
    assert [name for group, _ in found for name in group] == ["a.weight", "b.weight"]


def test_a_rewound_level_is_trained_as_level_0_was() -> None:
    strategy = StrategySettings(levels=3)
    expected = Recovery(
        origin="rewind point", training=TRAINING, start="1ep", end="9ep", seeds=SEEDS
    )
    for level in (1, 3):
        assert recovery_of(strategy, TRAINING, "1ep", level, SEEDS) == expected
    assert origin_of(strategy) == "rewind point"


def test_a_fine_tuned_level_goes_on_in_an_order_of_its_own() -> None:
    strategy = StrategySettings.model_validate({"levels": 2, **TUNED})
    first, second = (recovery_of(strategy, TRAINING, None, level, SEEDS) for level in (1, 2))
    assert (first.origin, first.start, first.end) == ("level before", "0it", "2ep")
    assert first.training == TRAINING.finetuning(0.01, "2ep") == second.training
    assert [first.seeds, second.seeds] == [SEEDS.derive("finetune", level) for level in (1, 2)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 3.0", "returned 3.0 for level 1, but must return how many of the 13 weights"),
        ("return True", "returned True"),
        ("return before + 1", "returned 14"),
        ("return -1", "returned -1"),
        ("return 1 // 0", r"failed: ZeroDivisionError.*mine.py, line 2"),
    ],
)
def test_a_schedule_must_return_a_number_of_weights(write: Write, body: str, words: str) -> None:
    write(f"def survivors(before, size, level, strategy):\n    {body}\n")
    strategy = StrategySettings(levels=1, schedule="mine:survivors")
    with pytest.raises(ConfigError, match=f'^schedule "mine:survivors" {words}'):
        survivors_at(1, 13, 15, strategy)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("'all'", "returned a str, but must return a list of groups"),
        ("[list(mask)]", "as a group, but must give"),
        ("[(list(mask), 1.5)]", r"lets 1.5 of the 13 weights left of a.weight survive"),
        ("[(['a.weight'], 11), (['b.weight'], 1)]", "lets 11 of the 10 weights"),
        ("[(['a.weight'], 1)]", "leaves out b.weight"),
        ("[(list(mask), 1), (['b.weight'], 1)]", "puts 'b.weight' into two groups"),
        ("[(['c.weight'], 1)]", "puts 'c.weight' into a group, but it is not pruned"),
        ("[([], 0), (list(mask), 1)]", "returned a group of no tensor"),
    ],
)
def test_a_scope_must_share_out_every_tensor_once(write: Write, returned: str, words: str) -> None:
    write(f"def groups(mask, left):\n    return {returned}\n")
    with pytest.raises(ConfigError, match=f'^scope "mine:groups" .*{words}'):
        groups(mask(), "mine:groups", lambda part: part.survivors)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("origin='start'", 'starts from "start", but must from rewind point or level before'),
        ("origin='rewind point'", "the study has none: set pruning.rewind_to"),
        ("training=3", "trains with an int"),
        ("start='soon'", '"soon" is not a step'),
        ("end=5", 'is trained from 0it to 5: "5" is not a step'),
    ],
)
def test_a_recovery_must_say_how_a_level_is_trained(write: Write, change: str, words: str) -> None:
    write(
        "from prunescope.pruning.recovery import Recovery\n"
        "def recover(strategy, training, rewind_to, level, seeds):\n"
        "    sound = Recovery(\n"
        "        origin='new weights', training=training, start='0it', end='1ep', seeds=seeds)\n"
        f"    vars(sound).update({change})\n"  # past the checks of types that tests make
        "    return sound\n"
    )
    strategy = StrategySettings(levels=1, recovery="mine:recover")
    assert origin_of(strategy) is None
    with pytest.raises(ConfigError, match=f'^recovery "mine:recover" .*{words}'):
        recovery_of(strategy, TRAINING, None, 1, SEEDS)


def test_a_strategy_is_checked_down_to_its_last_level(write: Write) -> None:
    write("def survivors(before, size, level, strategy):\n    return max(0, before - 3)\n")
    strategy = StrategySettings(levels=4, schedule="mine:survivors")
    check_strategy("mine", strategy, mask(), TRAINING, "1ep")
    longer = strategy.model_copy(update={"levels": 5})
    with pytest.raises(ConfigError, match=r"strategies.mine leaves no weight at level 5"):
        check_strategy("mine", longer, mask(), TRAINING, "1ep")


def test_what_is_the_users_is_known_by_its_setting_and_its_file(write: Write) -> None:
    write("raise SystemExit('ran')")
    strategy = StrategySettings(levels=1, criterion="random", scope="mine:a", recovery="mine:b")
    assert strategy.code == {"scope": "mine:a", "recovery": "mine:b"}
    assert {path.name for path in strategy.sources().values()} == {"mine.py"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scope": "layerwise", "densities": [0.5, 0.1]}, "at level 2, removes every weight of b"),
        ({"scope": "erk", "densities": [0.5, 0.02]}, "at level 2, removes every weight of"),
    ],
)
def test_a_tensor_that_will_be_emptied_is_named_before_anything_is_trained(settings, words):
    tensors = {"a": torch.ones(10, 10) > 0, "b": torch.ones(1, 4) > 0, "c": torch.ones(9, 9) > 0}
    strategy = StrategySettings.validate_from(settings, "recipe")
    with pytest.raises(ConfigError, match=words) as raised:
        check_strategy("mine", strategy, Mask(tensors), TRAINING, "1ep")
    assert "layerwise or erk" not in str(raised.value)  # it is that already
    allowed = StrategySettings.validate_from(settings | {"allow_empty_layers": True}, "recipe")
    check_strategy("mine", allowed, Mask(tensors), TRAINING, "1ep")
