"""Does a training that torch compiles end where one that it does not compile ends?"""

import shutil

import pytest
import torch

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prune import KeepRule
from prunescope.pruning.scoring_images import NoImages
from prunescope.pruning.selection import prune_by
from prunescope.training.loop import train
from prunescope.training.sharing import check_processes

KEPT = torch.arange(24).view(6, 4, 1, 1) % 3 != 0


@pytest.fixture
def trained(images, normalisation, make_settings, make_network):
    """Train under a mask, with dropout, and with a last batch of another size."""

    def run(**changes):
        network = make_network()
        keeper = MaskKeeper(network, Mask({"4.weight": KEPT}))
        train(
            network, images, settings=make_settings(**changes), normalisation=normalisation,
            seeds=Seeds.equal(0), start=Step(0, 3), end=Step(9, 3),
            at_start=keeper, before_step=keeper.clear_gradients,
        )  # fmt: skip
        return network

    return run


def next_mask(network):
    """Return the mask that keeps half of what is left, by magnitude."""
    before = Mask({"0.weight": torch.ones(4, 3, 3, 3) > 0, "4.weight": KEPT})
    rule = KeepRule(criterion="magnitude", scope="global", structure="weights", keep=0.5)
    return prune_by(rule, network, before, images=NoImages(network), seed=0)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler here")
def test_a_compiled_training_ends_in_the_same_masks(trained):
    eager, compiled = trained(), trained(compile=True)
    assert not compiled[4].weight[~KEPT].any()
    for name, tensor in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)
    of_eager, of_compiled = next_mask(eager), next_mask(compiled)
    assert all(torch.equal(of_eager[name], of_compiled[name]) for name in of_eager)
    again = trained(compile=True)
    for name, tensor in again.state_dict().items():
        assert torch.equal(compiled.state_dict()[name], tensor), name


def test_several_processes_cannot_have_their_training_compiled(make_settings):
    with pytest.raises(ConfigError, match=r"training\.compile is true, but 2 processes share"):
        check_processes(2, make_settings(compile=True), 20)
    check_processes(1, make_settings(compile=True), 20)
