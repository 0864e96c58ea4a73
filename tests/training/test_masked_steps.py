"""Is a mask kept by clearing gradients, to the bits of setting weights to zero after each step?"""

import pytest
import torch
from torch import Tensor, nn

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.training.loop import train

KEPT = torch.arange(24).view(6, 4, 1, 1) % 3 == 0
SGD = {"momentum": 0.9, "weight_decay": 0.01}
ADAMW = {"optimizer": "adamw", "weight_decay": 0.01}


@pytest.fixture
def state_after(images, normalisation, make_settings, make_network):
    """Train a masked network; return its weights and what its optimizer remembers."""

    def run(changes, **hooks) -> dict[str, Tensor]:
        network, optimizers = make_network(), []
        keeper = MaskKeeper(network, Mask({"4.weight": KEPT}))

        def after_step(optimizer):
            optimizers.append(optimizer)
            if "after_step" in hooks:
                keeper(optimizer)

        train(
            network, images, settings=make_settings(**changes), normalisation=normalisation,
            seeds=Seeds.equal(0), start=Step(0, 3), end=Step(9, 3), after_step=after_step,
            **{name: keeper if name == "at_start" else keeper.clear_gradients
               for name in hooks if name != "after_step"},
        )  # fmt: skip
        remembered = optimizers[-1].state[network[4].weight]
        memories = {name: each for name, each in remembered.items() if isinstance(each, Tensor)}
        return network.state_dict() | memories

    return run


@pytest.mark.parametrize(
    "changes",
    [SGD, SGD | {"nesterov": True}, SGD | {"precision": "bf16"}, SGD | {"clip_norm": 0.1}, ADAMW],
    ids=["sgd", "nesterov", "bf16", "clipped", "adamw"],
)
def test_cleared_gradients_give_the_bits_of_weights_set_to_zero_after_each_step(
    state_after, changes
):
    by_gradient = state_after(changes, at_start=True, before_step=True)
    clipped = {"before_step": True} if "clip_norm" in changes else {}
    by_weight = state_after(changes, after_step=True, **clipped)
    assert by_gradient.keys() == by_weight.keys()
    for name, tensor in by_gradient.items():
        assert torch.equal(tensor, by_weight[name]), name
    masked = [tensor for tensor in by_gradient.values() if tensor.shape == KEPT.shape]
    assert len(masked) >= 2  # the weight, and what is remembered of it
    for tensor in masked:
        assert not tensor[~KEPT].any()
        assert tensor[KEPT].all()


def test_a_gradient_that_is_no_number_does_not_reach_a_pruned_weight():
    linear = nn.Linear(2, 1, bias=False)
    keeper = MaskKeeper(linear, Mask({"weight": torch.tensor([[True, False]])}))
    optimizer = torch.optim.SGD(linear.parameters(), lr=0.1, momentum=0.9)
    linear.weight.grad = torch.tensor([[1.0, float("nan")]])
    keeper.clear_gradients()
    optimizer.step()
    assert linear.weight[0, 1] == 0.0
    assert linear.weight[0, 0].isfinite()
