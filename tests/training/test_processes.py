"""Do several processes train as one does?"""

from pathlib import Path

import pytest
import torch

from by_magnitude import prune_by_magnitude
from once import made_once
from processes import run_together
from prunescope.base.errors import ConfigError
from prunescope.base.ranks import Ranks
from prunescope.pruning.mask import Mask
from training import shared_world as world


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes got, by rank, and the folder of their files."""

    def make(folder: Path) -> None:
        killed = world.trained(checkpoint=folder / "of-one.safetensors", killed_at=world.MIDDLE)
        assert killed is None
        for status, said in run_together(Path(world.__file__), folder):
            assert status == 0, said

    folder = made_once(tmp_path_factory, "together", make)
    files = [folder / f"rank-{rank}.pt" for rank in range(2)]
    return [torch.load(file, weights_only=False) for file in files], folder


@pytest.fixture(scope="module")
def alone():
    return {name: world.trained(optimizer=name) for name in world.OPTIMIZERS}


def assert_close(found, expected):
    """Weights and statistics agree to the rounding of float64, and so does the history."""
    torch.testing.assert_close(found[0], expected[0], rtol=1e-10, atol=1e-12)
    for name, column in expected[1].items():
        assert found[1][name].tolist() == pytest.approx(column.tolist(), rel=1e-10), name


def assert_same_bits(found, expected):
    assert found[1].equals(expected[1])
    for name, tensor in expected[0].items():
        assert found[0][name].numpy().tobytes() == tensor.numpy().tobytes(), name


@pytest.mark.long
@pytest.mark.parametrize("optimizer", world.OPTIMIZERS)
def test_two_processes_agree_with_one_in_float64(together, alone, optimizer):
    found, _ = together
    assert_close(found[0][optimizer], alone[optimizer])
    assert_same_bits(found[1][optimizer], found[0][optimizer])
    assert not found[1][optimizer][0]["4.weight"][~world.KEPT].any()


@pytest.mark.long
@pytest.mark.parametrize("optimizer", world.OPTIMIZERS)
def test_the_next_level_prunes_the_same_weights(together, alone, optimizer):
    found, _ = together
    masks = []
    for state, _ in (found[0][optimizer], found[1][optimizer], alone[optimizer]):
        before = Mask({"1.weight": torch.ones(4, 3, 3, 3).bool(), "4.weight": world.KEPT})
        masks.append(prune_by_magnitude(state, before, 0.2))
    for name, kept in masks[2].items():
        assert not kept.all()
        assert torch.equal(masks[0][name], kept)
        assert torch.equal(masks[1][name], kept)


@pytest.mark.long
def test_a_last_batch_with_fewer_images_than_processes_counts_each_once(together):
    found, _ = together
    alone = world.trained(shown=world.images(world.FEW), net=world.network(of_vectors=False))
    assert_close(found[0]["few"], alone)
    assert_same_bits(found[1]["few"], found[0]["few"])


@pytest.mark.long
def test_every_process_begins_with_the_weights_of_the_first(together):
    found, _ = together
    for each in found:
        assert_same_bits(each["other start"], found[0]["sgd"])


@pytest.mark.long
def test_a_training_goes_on_with_the_same_number_of_processes_bit_by_bit(together):
    found, _ = together
    for each in found:
        assert_same_bits(each["same number"], found[0]["sgd"])


@pytest.mark.long
def test_a_training_goes_on_with_another_number_of_processes(together, alone):
    found, folder = together
    assert_close(found[0]["from one"], alone["sgd"])
    assert_same_bits(found[1]["from one"], found[0]["from one"])
    assert_close(world.trained(checkpoint=folder / "to-go-on.safetensors"), alone["sgd"])


@pytest.mark.long
def test_processes_drop_out_by_streams_of_their_own(together):
    found, _ = together
    assert_same_bits(found[1]["dropout"], found[0]["dropout"])
    pairs = list(zip(found[0]["masks"], found[1]["masks"], strict=True))
    assert pairs
    assert not any(torch.equal(first, second) for first, second in pairs)


@pytest.mark.long
def test_processes_evaluate_with_the_bits_of_one(together):
    found, _ = together
    alone = world.evaluated(world.network())
    for each in found:
        assert each["evaluation"] == alone
        assert each["evaluation"].predictions.equals(alone.predictions)


def test_more_processes_than_images_in_a_batch_are_refused():
    with pytest.raises(ConfigError, match=r"9 processes.*batch_size is 8.*at most 8"):
        world.trained(Ranks(rank=0, count=9))
    with pytest.raises(ConfigError, match=r"7 processes.*only 6 images"):
        world.trained(Ranks(rank=0, count=7), shown=world.images(6))
