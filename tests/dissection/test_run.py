"""Does a whole dissection of a world counted by hand come out as counted?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from prunescope import dissect
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.progress import Progress, Task
from prunescope.dissection.overlap import OverlapTally

PLAIN = {"resolution": 4, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def test_units_painted_as_concepts_score_one(eye, painted):
    # K = floor(0.1 x 64) = 6: 5 cells are red and 3 green, so both thresholds are 0.
    units = dissect(eye, "colours", painted, quantile=0.1, **PLAIN).units
    assert units["concept"].tolist() == ["red-c", "green-c", pd.NA]
    assert units["iou"].tolist()[:2] == [1, 1]
    assert units["threshold"].tolist() == [0, 0, 0]
    assert units["dead"].tolist() == [False, False, True]
    assert units["layer"].tolist() == ["colours"] * 3
    assert units.loc[0, ["intersection", "activation", "truth"]].tolist() == [5, 5, 5]
    # 2 of the 3 red pixels of the first image lie in its 4 pixels of `top`.
    assert units.loc[0, "part_label"] == "top"
    assert units.loc[0, "part_iou"] == 2 / (3 + 4 - 2)


def test_equal_cells_above_the_cut_are_not_above_the_threshold(eye, painted):
    # K = 2: the third largest of five ones is 1, which no cell exceeds.
    units = dissect(eye, "colours", painted, quantile=2 / 64, **PLAIN).units
    assert units["threshold"].tolist() == [1, 2, 0]
    assert units["dead"].all()


def test_examples_are_the_images_of_the_highest_peaks_with_their_maps(eye, painted):
    layer = dissect(eye, "colours", painted, quantile=0.1, examples=3, **PLAIN).layers["colours"]
    red = layer.examples[layer.examples["unit"] == 0]
    assert red["rank"].tolist() == [0, 1, 2]
    assert red["image"].tolist() == ["0.png", "2.png", "1.png"]
    assert red["row"].tolist() == [0, 2, 1]
    assert red["peak"].tolist() == [1, 1, 0]
    assert red[["peak_row", "peak_column"]].iloc[0].tolist() == [
        index[0] for index in np.nonzero(painted.pictures[0][:, :, 0])
    ]
    assert np.array_equal(red["map"].iloc[1].reshape(4, 4), painted.pictures[2][:, :, 0] / 255)
    assert red[["height", "width"]].drop_duplicates().to_numpy().tolist() == [[4, 4]]


def test_maps_before_and_behind_an_in_place_relu_are_kept_apart(eye, painted):
    with torch.no_grad():
        eye.colours.weight.neg_()
    layers = dissect(eye, ["colours", "relu"], painted, quantile=0.1, **PLAIN).layers
    assert layers["colours"].examples["peak"].min() == 0
    assert min(row.min() for row in layers["colours"].examples["map"]) == -2
    assert min(row.min() for row in layers["relu"].examples["map"]) == 0


def test_several_layers_at_once_equal_each_alone(eye, painted):
    together = dissect(eye, ["relu", "colours"], painted, quantile=0.3, **PLAIN)
    assert list(together.layers) == ["relu", "colours"]
    for layer, dissected in together.layers.items():
        alone = dissect(eye, layer, painted, quantile=0.3, **PLAIN).layers[layer]
        pd.testing.assert_frame_equal(dissected.units, alone.units)
        pd.testing.assert_frame_equal(dissected.examples, alone.examples)
        assert dissected.summary == alone.summary


def test_the_batch_size_changes_nothing_here(eye, painted):
    tables = [
        dissect(eye, "colours", painted, quantile=0.1, batch_size=size, **PLAIN).units
        for size in (1, 3, 32)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_chosen_categories_leave_the_rest_as_it_is(eye, painted):
    whole = dissect(eye, "colours", painted, quantile=0.1, **PLAIN).units
    parts = dissect(eye, "colours", painted, quantile=0.1, categories=("part",), **PLAIN)
    assert parts.units["concept"].tolist() == ["top", pd.NA, pd.NA]
    assert parts.units["threshold"].equals(whole["threshold"])
    assert parts.units["dead"].equals(whole["dead"])
    assert parts.units["part_iou"].equals(whole["part_iou"])
    assert list(parts.summary()["by_category"]) == ["part"]


def test_bf16_is_close_to_float32(eye, painted):
    units = dissect(eye, "colours", painted, quantile=0.1, precision="bf16", **PLAIN).units
    assert units["iou"].tolist()[:2] == [1, 1]


def test_channels_last_in_memory_counts_the_same_pixels(eye, painted):
    seen = []
    eye.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    usual, last = (
        dissect(eye, "colours", painted, quantile=0.1, channels_last=last, **PLAIN)["colours"]
        for last in (False, True)
    )
    strides = [batch.stride(1) for batch in seen if batch.any()]  # the probes are black
    assert (strides[0], strides[-1]) == (4 * 4, 1)
    assert last.summary["settings"]["channels_last"]
    pd.testing.assert_frame_equal(last.units, usual.units)


def test_memory_that_does_not_hold_the_counts_is_told_with_what_to_do(eye, painted, monkeypatch):
    def count(*_):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(OverlapTally, "add", count)
    with pytest.raises(ConfigError, match=r"memory of cpu does not hold what is counted.*smaller"):
        dissect(eye, "colours", painted, quantile=0.1, **PLAIN)


def test_the_network_comes_back_as_it_was(eye, painted):
    eye.train()
    eye.relu.eval()
    before = {name: value.clone() for name, value in eye.state_dict().items()}
    dissect(eye, "colours", painted, quantile=0.1, device="cpu", **PLAIN)
    assert eye.training
    assert not eye.relu.training
    assert all(torch.equal(value, before[name]) for name, value in eye.state_dict().items())
    assert all(parameter.requires_grad for parameter in eye.parameters())


def test_the_network_comes_back_as_it_was_from_a_refusal_too(eye, painted):
    eye.train()
    with pytest.raises(ConfigError, match="64 cells") as refusal:
        dissect(eye, "colours", painted, quantile=0.01, **PLAIN)
    assert refusal.tb is not None  # it holds on to every frame, and what is open in there
    assert eye.training
    assert not any(module._forward_hooks for module in eye.modules())


def test_progress_counts_every_image_of_both_passes(eye, painted):
    class Counter(Progress, Task):
        def __init__(self):
            self.done = []

        def task(self, description, total):
            from contextlib import nullcontext

            self.total = total
            return nullcontext(self)

        def advance(self, count=1, note=""):
            self.done.append((count, note))

    counter = Counter()
    dissect(eye, "colours", painted, quantile=0.1, batch_size=3, progress=counter, **PLAIN)
    assert counter.total == 8
    assert counter.done == [(3, "looking"), (1, "looking"), (3, "counting"), (1, "counting")]


def test_how_many_draws_there_can_be_is_said_before_the_first(eye, painted):
    said = []

    class Listening(Progress):
        def say(self, message):
            said.append(message)

        def task(self, description, total):
            said.append(description)
            return super().task(description, total)

    found = dissect(
        eye, "colours", painted, quantile=0.1, null="auto", progress=Listening(), **PLAIN
    )
    most = found["colours"].summary["chance"]["most_draws"]
    told = next(place for place, text in enumerate(said) if f"at most {most:,}" in text)
    assert told < next(place for place, text in enumerate(said) if "draws of chance 1 to" in text)


@pytest.mark.parametrize("link", [False, True])
def test_the_summary_does_not_say_where_the_concepts_lie(eye, painted, tmp_path, link):
    folder = tmp_path / "set"
    folder.mkdir()
    if link:
        folder = tmp_path / "link"
        folder.symlink_to(tmp_path / "set")
    placed = replace(painted, name=f"broden:{folder}")
    layer = dissect(eye, "colours", placed, quantile=0.1, **PLAIN).layers["colours"]
    assert layer.summary["concept_set"] == {"name": "broden:set", "fingerprint": "0" * 64}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": "colour"}, 'no layer "colour".*colours'),
        ({"layers": "flat"}, "puts out a tensor of shape 4 x 3.*layers with maps: colours, relu"),
        ({"layers": ["relu", "relu"]}, "layers names relu more than once"),
        ({"layers": []}, "layers"),
        ({"quantile": 0.01}, "4 images x 4 x 4 are 64 cells.* at least 100"),
        ({"quantile": 1.5}, "quantile"),
        ({"categories": ("colour",)}, r'"colour" \(did you mean "color".*color, part'),
        ({"split": "train"}, "split and limit"),
        ({"limit": 2}, "split and limit"),
        ({"mean": None}, "--mean"),
        ({"device": "nowhere"}, "nowhere"),
        ({"concepts": "no_such_set"}, "no_such_set"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(eye, painted, wrong, message):
    good = {"layers": "colours", "concepts": painted, "quantile": 0.1, **PLAIN}
    with pytest.raises(ConfigError, match=message):
        dissect(eye, **(good | wrong))


def test_a_set_without_images_is_refused(eye, painted):
    empty = replace(painted, pictures=(), annotations=())
    with pytest.raises(DataError, match="painted has no labelled image"):
        dissect(eye, "colours", empty, **PLAIN)


def test_a_layer_of_one_cell_is_refused(eye, painted):
    with pytest.raises(ConfigError, match="one cell"):
        dissect(eye, "pool", painted, quantile=0.3, **PLAIN)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_of_another_precision_is_dissected_as_its_float32_copy(eye, painted, dtype):
    expected = dissect(eye, "colours", painted, quantile=0.1, **PLAIN).units
    converted = eye.to(dtype)
    units = dissect(converted, "colours", painted, quantile=0.1, **PLAIN).units
    pd.testing.assert_frame_equal(units, expected)
    assert {parameter.dtype for parameter in converted.parameters()} == {dtype}


def test_a_network_that_cannot_be_copied_is_to_be_made_float32_first(eye, painted):
    model = eye.half()
    model.generator = (number for number in range(3))  # which Python cannot copy
    with pytest.raises(ConfigError, match=r"torch.float16.*call \.float\(\)"):
        dissect(model, "colours", painted, quantile=0.1, **PLAIN)


def test_a_network_of_one_channel_sees_luminance(painted):
    grey = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1, bias=False))
    colour = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1, bias=False))
    with torch.no_grad():
        grey[0].weight.fill_(1)
        colour[0].weight.copy_(torch.tensor([19595, 38470, 7471]).view(1, 3, 1, 1) / 65536)
    one = {"resolution": 4, "mean": (0.0,), "std": (1.0,)}
    units = dissect(grey, "0", painted, quantile=0.1, **one).units
    expected = dissect(colour, "0", painted, quantile=0.1, **PLAIN).units
    assert units["concept"].tolist() == expected["concept"].tolist()
    assert units["iou"].tolist() == expected["iou"].tolist()
    assert units["threshold"].tolist() == pytest.approx(expected["threshold"].tolist(), abs=1 / 255)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((0.5,), (0.5, 0.5, 0.5), "mean has 1 and std 3 values"),
        ((0.5,), (0.5,), "takes 3 channels: give --mean and --std with 3 values"),
    ],
)
def test_mean_and_std_of_other_channels_are_refused(eye, painted, mean, std, said):
    with pytest.raises(ConfigError, match=said):
        dissect(eye, "colours", painted, quantile=0.1, resolution=4, mean=mean, std=std)
