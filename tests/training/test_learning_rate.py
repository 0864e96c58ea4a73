import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from prunescope.base.steps import Step
from prunescope.training.optimiser import learning_rate_at
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


@pytest.mark.parametrize(
    ("steps", "shape"),
    [
        (37, {}),
        (40, {"pct_start": 0.25, "div_factor": 10.0, "final_div_factor": 100.0}),
        (10, {"pct_start": 0.9, "div_factor": 1.0, "final_div_factor": 1.0}),
        (5, {"pct_start": 0.5}),
    ],
)
def test_one_cycle_is_torchs_at_every_step(steps, shape):
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    scheduler = OneCycleLR(
        optimizer,
        max_lr=0.8,
        total_steps=steps,
        cycle_momentum=False,
        anneal_strategy="cos",
        **shape,
    )
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < steps:
            scheduler.step()
    found = rates(range(steps), to=f"{steps}it", schedule="one-cycle", **shape)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_one_cycle_of_a_few_steps_has_a_rate_at_each(steps):
    found = rates(range(steps + 1), to=f"{steps}it", schedule="one-cycle", pct_start=0.5)
    assert all(0 < rate <= 0.8 for rate in found)
    assert found[-1] == found[steps - 1] == pytest.approx(0.8 / 25 / 1e4)
