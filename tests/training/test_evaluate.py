import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.results.evaluation import Evaluation
from prunescope.training.evaluate import evaluate, rank_of_label


class Says(nn.Module):
    """Gives every image the same scores, in whatever mode; remembers which mode."""

    def __init__(self, scores):
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))
        self.modes = set()

    def forward(self, pixels):
        self.modes.add(self.training)
        return self.scores.expand(len(pixels), -1)


@pytest.fixture
def score(images, normalisation):
    def score(network, labels=None, *, classes=images.classes, **options):
        shown = images if labels is None else replace(images, labels=torch.tensor(labels))
        given = replace(shown, classes=classes)
        return evaluate(network, given, normalisation=normalisation, batch_size=6, **options)

    return score


def test_shares_and_loss_are_those_counted_by_hand(score):
    labels = [0] * 10 + [1] * 6 + [2] * 4
    found = score(Says([math.log(2.0), math.log(5.0), math.log(1.0)]), labels)
    assert found.images == 20
    assert found.top1 == 6 / 20
    assert found.top5 == 1.0  # of three classes, all are among the first three
    nats = -(10 * math.log(2 / 8) + 6 * math.log(5 / 8) + 4 * math.log(1 / 8)) / 20
    assert found.loss == pytest.approx(nats, rel=1e-6)
    assert found.per_class == {"house": 0.0, "car": 1.0, "tree": 0.0}


def test_top5_of_many_classes_counts_the_five_highest(score):
    labels = [0] * 4 + [1] * 7 + [2] * 9
    network = Says([1.0, 0.0, 5.0, 4.0, 3.0, 2.0])  # class 1 is last of six
    found = score(network, labels, classes=tuple("abcdef"))
    assert found.top5 == (4 + 9) / 20


def test_a_constant_network_is_right_for_the_first_class_only(score):
    found = score(Says([0.0] * 3), [0] * 3 + [1] * 8 + [2] * 9)
    assert found.top1 == 3 / 20
    assert found.per_class == {"house": 1.0, "car": 0.0, "tree": 0.0}


def test_of_equal_scores_the_lower_class_stands_first():
    scores = torch.tensor([[2.0, 3.0, 3.0, 1.0]]).expand(4, -1)
    assert rank_of_label(scores, torch.arange(4)).tolist() == [2, 0, 1, 3]


def test_ranks_are_positions_in_a_stable_sort():
    scores = torch.randint(0, 4, (200, 9), generator=torch.Generator().manual_seed(0)).float()
    labels = torch.arange(200) % 9
    order = scores.argsort(dim=1, descending=True, stable=True)
    expected = (order == labels[:, None]).int().argmax(1)
    assert torch.equal(rank_of_label(scores, labels), expected)


def test_a_score_that_is_not_a_number_is_never_right():
    nan = math.nan
    scores = torch.tensor([[nan, 1.0], [nan, 1.0], [nan, nan]])
    assert (rank_of_label(scores, torch.tensor([0, 1, 0])) >= 1).all()


def test_a_class_without_images_has_no_share_and_json_says_null(score):
    found = score(Says([1.0, 0.0, 0.0]), [0] * 15 + [1] * 5)
    assert math.isnan(found.per_class["tree"])
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["per_class"] == {"house": 1.0, "car": 0.0, "tree": None}
    assert list(plain) == ["top1", "top5", "loss", "images", "per_class"]


def test_classes_that_share_a_name_are_told_apart_by_number(images, score, normalisation):
    cranes = replace(images, classes=("crane", "car", "crane"))
    found = evaluate(Says([1.0, 0.0, 0.0]), cranes, normalisation=normalisation)
    assert found.per_class == {"crane (0)": 1.0, "car": 0.0, "crane (2)": 0.0}


def test_a_name_that_looks_like_a_numbered_one_leaves_every_class_its_own(images, normalisation):
    cranes = replace(images, classes=("crane", "crane", "crane (0)"))
    found = evaluate(Says([1.0, 0.0, 0.0]), cranes, normalisation=normalisation)
    assert list(found.per_class) == ["crane (0)", "crane (1)", "crane (0) (2)"]


def test_predictions_are_those_counted_by_hand(score):
    labels = [0] * 10 + [1] * 6 + [2] * 4
    said = score(Says([math.log(2.0), math.log(5.0), math.log(1.0)]), labels).predictions
    assert list(said["row"]) == list(range(20))
    assert list(said["class"]) == ["house"] * 10 + ["car"] * 6 + ["tree"] * 4
    assert set(said["prediction"]) == {"car"}
    assert list(said["rank"]) == [1] * 10 + [0] * 6 + [2] * 4
    assert said["probability"].to_numpy() == pytest.approx(5 / 8)
    expected = [-math.log(share / 8) for share in [2] * 10 + [5] * 6 + [1] * 4]
    assert said["loss"].to_numpy() == pytest.approx(expected)


def test_what_is_predicted_is_the_class_whose_label_would_be_right(score):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    said = score(network).predictions
    assert said["prediction"].nunique() == 3
    assert ((said["rank"] == 0) == (said["class"] == said["prediction"])).all()
    right = said[said["rank"] == 0]
    assert np.exp(-right["loss"].to_numpy()) == pytest.approx(right["probability"].to_numpy())


def test_of_equal_scores_the_lower_class_is_predicted(score):
    assert set(score(Says([0.0, 2.0, 2.0])).predictions["prediction"]) == {"car"}


def test_where_a_score_is_not_a_number_nothing_is_predicted(score):
    found = score(Says([1.0, math.nan, 0.0]), [1] * 20)
    assert found.top1 == 0.0
    assert found.predictions["prediction"].isna().all()
    assert found.predictions["probability"].isna().all()
    assert found.as_dict()["loss"] is None


def test_evaluation_computes_in_evaluation_mode_and_leaves_every_module_as_it_was(
    score, make_network
):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3), Says([0.0, 1.0, 2.0]))
    network[1].eval()
    score(network)
    assert network[2].modes == {False}
    assert [module.training for module in network.modules()] == [True, True, False, True]


@pytest.mark.parametrize("channels_last", [False, True])
def test_evaluation_changes_no_bit_and_leaves_weights_trainable(
    score, make_network, same_bits, channels_last
):
    network = make_network()
    before = torch.get_rng_state()
    score(network, channels_last=channels_last)
    assert same_bits(network, make_network())
    assert torch.equal(torch.get_rng_state(), before)
    assert network[0].weight.stride() == make_network()[0].weight.stride()
    network(torch.zeros(2, 3, 8, 8)).sum().backward()
    assert network[0].weight.grad is not None


@pytest.mark.parametrize("options", [{"precision": "bf16"}, {"channels_last": True}])
def test_precision_and_memory_format_change_the_loss_by_little(score, make_network, options):
    plain = score(make_network()).loss
    assert score(make_network(), **options).loss == pytest.approx(plain, rel=1e-2)


def test_bf16_computes_in_bf16(score, make_network):
    seen = []
    network = make_network()
    network[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    score(network, precision="bf16")
    assert set(seen) == {torch.bfloat16}
    assert network[0].weight.dtype == torch.float32


def test_progress_counts_every_image(score, make_network, recorder):
    score(make_network(), progress=recorder)
    assert recorder.tasks == [("evaluating", 20)]
    assert sum(count for count, _ in recorder.advanced) == 20


@pytest.mark.parametrize(
    ("network", "labels", "said"),
    [
        (Says([0.0] * 2), [0] * 20, "2 outputs, but .* 3 classes.*--num-classes 3.*--classes FILE"),
        (Says([0.0] * 4), [0] * 20, "4 outputs, but .* 3 classes.*--num-classes 3.*--classes FILE"),
        (Says([0.0] * 3), [0, 1, 2, 3] * 5, "label 3, but there are 3 classes"),
        (Says([0.0, 0.0, 0.0]), [-1] * 20, "label -1"),
        (nn.Identity(), [0] * 20, r"\(6, 3, 8, 8\), but classification needs \(images, classes\)"),
    ],
)
def test_labels_that_do_not_fit_the_network_are_refused(score, network, labels, said):
    with pytest.raises(DataError, match=said):
        score(network, labels)


def test_a_network_that_asserts_on_the_size_of_its_images_is_refused_with_their_shape(score):
    class Particular(nn.Module):
        def forward(self, pixels):
            torch._assert(pixels.shape[-1] == 224, "Wrong image width!")

    with pytest.raises(ConfigError, match=r"Particular fails on .* 6 x 3 x 8 x 8 .*Wrong image"):
        score(Particular())


def test_no_images_is_an_error_not_a_share(images, normalisation, make_network):
    empty = replace(images, pixels=images.pixels[:0], labels=images.labels[:0])
    with pytest.raises(DataError, match="no images"):
        evaluate(make_network(), empty, normalisation=normalisation)


def test_a_class_whose_name_breaks_the_line_is_shown_on_one():
    shares = {"a\nb": 1.0, "c\rd\x1b[2J": 0.0}
    nothing = pd.DataFrame()
    scores = {"top1": 0.5, "top5": 1.0, "loss": 1.0, "images": 2, "per_class": shares}
    found = Evaluation(**scores, predictions=nothing, about={})
    assert str(found).splitlines()[4:] == [
        r"best     a\nb: 100.0 %",
        r"worst    c\rd\x1b[2J: 0.0 %",
    ]


@pytest.mark.parametrize("arithmetic", ["folded", pytest.param("compiled", marks=pytest.mark.long)])
def test_accuracy_is_that_of_plain_arithmetic_and_the_loss_up_to_rounding(
    make_network, images, normalisation, arithmetic
):
    network = make_network()
    network[1].running_mean.fill_(0.3)
    network[1].running_var.fill_(2.0)
    options = {"normalisation": normalisation, "batch_size": 8}  # 8 + 8 + 4 images
    plain = evaluate(network, images, arithmetic="plain", **options)
    found = evaluate(network, images, arithmetic=arithmetic, **options)
    assert 0 < plain.top1 < 1
    assert replace(found, loss=plain.loss) == plain
    assert found.loss == pytest.approx(plain.loss, rel=1e-6)
    assert found.loss != plain.loss  # it was not plain all the same


def test_bfloat16_is_never_folded(make_network, images, normalisation):
    losses = [
        evaluate(
            make_network(),
            images,
            normalisation=normalisation,
            precision="bf16",
            arithmetic=arithmetic,
            channels_last=True,
        ).loss
        for arithmetic in ("plain", "folded")
    ]
    assert losses[0] == losses[1]
