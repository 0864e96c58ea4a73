"""Does training on a GPU keep its promises? Skipped where there is none."""

import pytest
import torch

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.data.loader import batches, epoch_order, moved
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.training.loop import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
KEPT = torch.arange(24).view(6, 4, 1, 1) % 3 == 0


@pytest.fixture
def gpu():
    return torch.device("cuda")


@pytest.fixture
def trained(images, normalisation, make_settings, make_network, gpu):
    def run(**changes):
        network = make_network().to(gpu)
        keeper = MaskKeeper(network, Mask({"4.weight": KEPT.to(gpu)}))
        train(
            network, images, settings=make_settings(**changes), normalisation=normalisation,
            seeds=Seeds.equal(0), start=Step(0, 3), end=Step(9, 3),
            at_start=keeper, before_step=keeper.clear_gradients,
        )  # fmt: skip
        return network.state_dict()

    return run


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_training_gives_the_same_bits_twice_and_keeps_its_mask(trained, precision):
    first, second = trained(precision=precision), trained(precision=precision)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not first["4.weight"].cpu()[~KEPT].any()


def test_batches_made_on_a_gpu_are_those_of_the_cpu(images, normalisation, make_settings, gpu):
    augmentation = make_settings().augmentation
    options = {
        "batch_size": 8, "normalisation": normalisation, "augmentation": augmentation,
        "order": epoch_order(len(images), 0, 0), "channels_last": True,
    }  # fmt: skip
    there = moved(images, gpu, augmentation)
    assert there.pixels.device.type == "cuda"
    pairs = zip(batches(images, **options), batches(there, device=gpu, **options), strict=True)
    for (pixels, labels), (shown, named) in pairs:
        assert shown.device.type == "cuda"
        assert torch.equal(shown.cpu(), pixels)
        assert torch.equal(named.cpu(), labels)
