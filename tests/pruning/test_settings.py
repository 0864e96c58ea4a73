"""Are strategies checked and named so that a run folder can hold them?"""

import pytest

from prunescope.base.errors import ConfigError
from prunescope.pruning.settings import PruningSettings

TUNED = {"levels": 1, "recovery": "finetune", "learning_rate": 0.01, "steps": "1ep"}


def read(**changes):
    values = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 3}}}
    return PruningSettings.validate_from(values | changes, "recipe")


def test_the_paper_prunes_a_fifth_of_everything_prunable():
    settings = read()
    assert settings.prunable == "all"
    assert settings.strategies["lottery"].fraction == 0.2
    assert settings.strategies["lottery"].scope == "global"


@pytest.mark.parametrize(
    "name", ["dense", "level-01", "rewind", "twin-1", "", "a/b", "..", "Lottery", "-x", "a.b"]
)
def test_a_name_that_a_run_folder_uses_or_cannot_hold_is_refused(name):
    with pytest.raises(ConfigError, match="cannot name a strategy"):
        read(strategies={name: {"levels": 3}})


@pytest.mark.parametrize("name", ["lottery", "2-fast", "rewinding", "levels", "twin"])
def test_other_names_are_fine(name):
    assert list(read(strategies={name: {"levels": 3}}).strategies) == [name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategies": {"lottery": {"levels": 0}}}, "strategies.lottery.levels is 0"),
        ({"strategies": {"lottery": {"levels": 3, "fraction": 1}}}, "fraction is 1"),
        ({"strategies": {"lottery": {"levels": 3, "fraction": 0.0}}}, "fraction is 0.0"),
        ({"strategies": {"levels": {"levels": 3, "fration": 0.2}}}, 'did you mean "fraction"'),
        ({"strategies": {"lottery": {"levels": 3, "scope": "local"}}}, "global or layerwise"),
        ({"strategies": {}}, "strategies"),
        ({"strategies": {"a": TUNED | {"recovery": "tune"}}}, 'did you mean "finetune"'),
        ({"strategies": {"a": TUNED | {"recovery": "rewind"}}}, "learning_rate and steps belong"),
        ({"strategies": {"a": {"levels": 1, "recovery": "finetune"}}}, "needs a learning_rate"),
        ({"strategies": {"a": TUNED | {"learning_rate": 0}}}, "learning_rate is 0"),
        ({"strategies": {"a": TUNED | {"steps": "0ep"}}}, "at least one"),
        ({"strategies": {"a": TUNED | {"steps": "long"}}}, '"long" is not a step'),
        ({"strategies": {"a": TUNED | {"learning_rat": 1}}}, 'did you mean "learning_rate"'),
        ({"prunable": "convs"}, "'conv' or 'conv[+]shortcut'"),
        ({"rewind_to": "soon"}, '"soon" is not a step'),
        ({"rewind_too": "1ep"}, 'rewind_too is not a setting .did you mean "rewind_to"'),
    ],
)
def test_a_wrong_setting_is_explained(changes, words):
    with pytest.raises(ConfigError, match=words):
        read(**changes)
