"""Does a step know its place in training, and refuse text that is none?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.base.errors import ConfigError
from prunescope.base.settings import Settings
from prunescope.base.steps import Step, StepText

WRONG = ["", "5", "ep", "-1ep", "1.5ep", "30it2ep", "2ep 30it", "5 epochs", "1epp"]


class Schedule(Settings):
    to: StepText


@pytest.mark.parametrize(
    ("text", "iteration"),
    [("0it", 0), ("0ep", 0), ("5ep", 500), ("250it", 250), ("2ep30it", 230), (" 1ep ", 100)],
)
def test_epochs_and_iterations_are_read(text, iteration):
    assert Step.parse(text, 100) == Step(iteration, 100)


@given(st.integers(0, 10**9 - 1), st.integers(1, 10**5))
def test_a_step_is_its_epoch_and_batch_and_is_written_as_it_is_read(iteration, per_epoch):
    step = Step(iteration, per_epoch)
    assert step.epoch * per_epoch + step.batch == iteration
    assert 0 <= step.batch < per_epoch
    assert Step.parse(str(step), per_epoch) == step


def test_steps_are_written_as_people_write_them():
    assert [str(Step(i, 100)) for i in (0, 30, 200, 230)] == ["0it", "30it", "2ep", "2ep30it"]


def test_later_steps_are_greater():
    assert Step(3, 10) < Step(4, 10) <= Step(4, 10)


@pytest.mark.parametrize("text", WRONG)
def test_other_text_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r'is not a step: .* "2ep30it"'):
        Step.parse(text, 100)


@pytest.mark.parametrize("given", [*WRONG, 5, 2.0, None, True])
def test_a_recipe_with_another_step_is_refused_with_an_example(given):
    with pytest.raises(ConfigError, match=r'recipe: to: ".*" is not a step: .* "2ep30it"'):
        Schedule.validate_from({"to": given}, "recipe")


def test_a_recipe_keeps_the_text_without_the_space_around_it():
    assert Schedule.validate_from({"to": " 5ep "}, "recipe").to == "5ep"


@pytest.mark.parametrize(("iteration", "per_epoch"), [(-1, 10), (0, 0)])
def test_a_step_that_cannot_be_is_refused(iteration, per_epoch):
    with pytest.raises(ConfigError, match="a step needs iteration >= 0"):
        Step(iteration, per_epoch)
