import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunescope.base.steps import Step
from prunescope.training.schedule import learning_rate_at
from prunescope.training.settings import TrainingSettings


def rates(iterations, per_epoch=10, **changes):
    training = TrainingSettings(
        **({"to": "4ep", "batch_size": 1, "learning_rate": 0.8, "weight_decay": 0.0} | changes)
    )
    return [learning_rate_at(Step(i, per_epoch), training) for i in iterations]


def test_without_warmup_or_milestones_the_rate_is_constant():
    assert rates([0, 17, 39]) == [0.8, 0.8, 0.8]


def test_warmup_gives_iteration_i_the_share_i_of_w():
    assert rates(range(6), warmup="4it") == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8])


def test_a_milestone_counts_from_its_own_iteration_on():
    found = rates([19, 20, 24, 25, 39], milestones=("2ep5it", "2ep"), gamma=0.5)
    assert found == pytest.approx([0.8, 0.4, 0.4, 0.2, 0.2])


def test_a_milestone_within_the_warmup_multiplies_it():
    assert rates([1, 2], warmup="4it", milestones=("2it",), gamma=0.5) == pytest.approx([0.2, 0.2])


def test_the_cosine_falls_from_the_warmup_to_nothing_at_the_end():
    found = rates([2, 4, 8, 12, 16, 20, 21], schedule="cosine", warmup="4it", to="2ep")
    quarter = 0.8 * (1 + 2**-0.5) / 2
    assert found == pytest.approx([0.4, 0.8, quarter, 0.4, 0.8 - quarter, 0, 0])


def test_a_cosine_that_is_all_warmup_only_rises():
    assert rates([0, 2, 3, 4], schedule="cosine", warmup="4it", to="4it") == pytest.approx(
        [0, 0.4, 0.6, 0]
    )


@settings(deadline=None)
@given(
    to=st.integers(1, 60),
    warmup=st.integers(0, 60),
    schedule=st.sampled_from(["cosine", "milestones"]),
)
def test_the_rate_stays_between_nothing_and_the_highest_and_never_rises_after_warmup(
    to, warmup, schedule
):
    shape = (
        {"schedule": "cosine"} if schedule == "cosine" else {"milestones": (f"{to // 2}it", "1ep")}
    )
    found = rates(range(to + 1), to=f"{to}it", warmup=f"{warmup}it", **shape)
    assert all(0 <= rate <= 0.8 for rate in found)
    after = found[min(warmup, to) :]
    assert after == sorted(after, reverse=True)
