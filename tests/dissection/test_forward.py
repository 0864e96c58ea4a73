"""Is every image shown once, on the device asked for, and is a broken network named?"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.ranks import Ranks
from prunescope.dissection.forward import Observation
from prunescope.dissection.regions import RegionReader
from prunescope.imaging.network_input import NetworkInput


@pytest.fixture
def observation(eye, painted):
    return observe(eye, painted)


def observe(model, concepts, batch_size=3, **more):
    return Observation(
        model=model,
        concepts=concepts,
        input=NetworkInput(resolution=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        batch_size=batch_size,
        precision="float32",
        device=torch.device("cpu"),
        **more,
    )


def show(model, concepts, layers):
    return list(observe(model, concepts).batches(layers))


def test_every_image_is_shown_once_with_its_regions(observation, labels):
    batches = list(observation.batches(("colours",), RegionReader(labels)))
    assert [len(batch.indices) for batch in batches] == [3, 1]
    assert [len(batch.maps["colours"]) for batch in batches] == [3, 1]
    assert [len(batch.regions) for batch in batches] == [3, 1]
    assert sorted(image for batch in batches for image in batch.indices) == [0, 1, 2, 3]


def test_images_come_in_an_order_of_their_own_and_always_the_same(eye, painted):
    many = replace(painted, pictures=painted.pictures * 8, annotations=painted.annotations * 8)
    orders = [
        [
            image
            for _, images in observe(eye, many, batch_size=size).batches_of_rank()
            for image in images
        ]
        for size in (1, 5, 32)
    ]
    assert orders[0] == orders[1] == orders[2] != list(range(32))
    assert sorted(orders[0]) == list(range(32))


def test_processes_share_the_batches_that_one_alone_has(eye, painted):
    many = replace(painted, pictures=painted.pictures * 8, annotations=painted.annotations * 8)
    shares = [observe(eye, many, ranks=Ranks(rank=rank, count=3)) for rank in range(3)]
    found = [batch for share in shares for batch in share.batches_of_rank()]
    assert sorted(found) == observe(eye, many).batches_of_rank()


def test_maps_are_those_of_the_picture(observation):
    batch = next(observation.batches(("colours",)))
    assert batch.regions == ()
    assert batch.maps["colours"][batch.indices.index(1), 1].tolist()[1] == [0, 0, 2, 0]


def test_nothing_behind_the_deepest_layer_is_computed_after_the_first_batch(eye, painted):
    class Counting(nn.Module):
        calls = 0

        def forward(self, maps):
            Counting.calls += 1
            return maps

    model = nn.Sequential(eye.colours, nn.ReLU(), Counting())
    batches = list(observe(model, painted, batch_size=1).batches(("0",)))
    assert len(batches) == 4
    assert Counting.calls == 1


def test_a_batch_that_does_not_fit_the_memory_is_shown_in_halves_and_said_once(eye, painted):
    class Small(nn.Module):
        def forward(self, images):
            if len(images) > 1:
                raise torch.OutOfMemoryError("out of memory")
            return images

    said = []
    model = nn.Sequential(Small(), eye.colours)
    observed = observe(model, painted, say=said.append)
    for _ in range(2):  # passes
        in_halves = observed.batches(("1",))
        whole = observe(eye, painted).batches(("colours",))
        for part, batch in zip(in_halves, whole, strict=True):
            assert torch.equal(part.maps["1"], batch.maps["colours"])
    assert len(said) == 1
    assert "smaller" in said[0]


def test_a_device_too_small_for_one_image_is_refused(painted):
    class Greedy(nn.Module):
        def forward(self, images):
            raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(ConfigError, match=r"memory of cpu does not hold .* one image"):
        show(nn.Sequential(Greedy()), painted, ("0",))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_activation_that_is_no_number_names_unit_layer_and_image(eye, painted, value):
    # Only the green unit breaks, and green is first seen in the second picture.
    class Breaking(nn.Module):
        def forward(self, maps):
            return maps.masked_fill(maps == 2, value)

    model = nn.Sequential(eye.colours, Breaking())
    with pytest.raises(DataError, match=r'unit 1 of layer "1" is not finite on image 1\.png'):
        show(model, painted, ("1",))


def test_images_the_network_cannot_take_are_refused_with_their_shape(painted):
    model = nn.Sequential(nn.Conv2d(3, 2, 7))
    with pytest.raises(ConfigError, match="Sequential fails on a batch of 3 x 3 x 4 x 4"):
        show(model, painted, ("0",))


def test_a_network_that_asserts_on_the_size_of_its_images_is_refused_with_their_shape(painted):
    class Particular(nn.Conv2d):
        def forward(self, images):
            torch._assert(images.shape[-1] == 224, "Wrong image width!")
            return super().forward(images)

    model = nn.Sequential(Particular(3, 2, 1))
    with pytest.raises(ConfigError, match=r"Sequential fails on .* 3 x 3 x 4 x 4 .*Wrong image"):
        show(model, painted, ("0",))


def test_the_arithmetic_settings_of_the_process_come_back(observation):
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision()
    flags = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    try:
        list(observation.batches(("colours",)))
        assert torch.get_float32_matmul_precision() == "high"
        assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == flags
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_memory_format_is_the_one_asked_for(eye, painted, channels_last):
    seen = []
    eye.register_forward_pre_hook(lambda _, given: seen.append(given[0].stride(1)))
    observed = observe(eye, painted, channels_last=channels_last)
    list(observed.batches(("colours",)))
    assert set(seen) == {1 if channels_last else 4 * 4}
