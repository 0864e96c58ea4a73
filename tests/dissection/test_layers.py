"""Are the layers found that a pattern, or nothing, stands for, and is all else refused?"""

import numpy as np
import pytest
from torch import Tensor, nn

import prunescope as ps
from prunescope.base.errors import ConfigError
from prunescope.dissection.layers import choose_layers, survey_layers
from prunescope.dissection.settings import DEFAULT_LAYER
from prunescope.networks.hollow import build_hollow


class Stages(nn.Module):
    """Two stages of a convolution and its ReLU, one layer called twice, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.layer2 = nn.Sequential(nn.Conv2d(4, 5, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.twice = nn.Sigmoid()
        self.never = nn.Conv2d(5, 5, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.twice(self.twice(self.layer2(self.layer1(images))))
        return self.fc(self.pool(maps).flatten(1))


@pytest.fixture
def stages() -> Stages:
    return Stages()


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["layer2"], ["layer2"]),
        (["layer?"], ["layer1", "layer2"]),
        (["*.0"], ["layer1.0", "layer2.0"]),
        (["layer[2-9].?", "layer1"], ["layer2.0", "layer2.1", "layer1"]),
        (["layer2", "layer*", "layer2"], ["layer2", "layer1", "layer1.0", "layer1.1"]),
        ([DEFAULT_LAYER], ["layer2"]),
    ],
)
def test_patterns_stand_for_all_layers_with_maps_that_fit(
    stages: Stages, wanted: list[str], chosen: list[str]
) -> None:
    found = choose_layers(stages, wanted, 8)
    assert list(found)[: len(chosen)] == chosen
    assert len(set(found)) == len(found)
    assert not {"never", "twice", "pool", "fc"} & set(found)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("block*", "fits no layer of Stages.*layers with maps: layer1, layer2, layer1.0"),
        ("lay?r", r'"lay\?r" fits no layer of Stages .did you mean "layer'),
        ("twic*", "fits only layers of Stages without a map of their own: twice; layers with"),
        ("nev?r", "without a map of their own: never"),
        ("layre2", r'no layer "layre2" .did you mean "layer2'),
    ],
)
def test_what_fits_no_layer_is_refused_with_those_there_are(
    stages: Stages, wanted: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_layers(stages, [wanted, "layer?"], 8)


def test_looking_for_layers_leaves_a_network_as_it_was(stages: Stages) -> None:
    stages.train()
    stages.layer1.eval()
    choose_layers(stages, ["*"], 8)
    assert stages.training
    assert not stages.layer1.training
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in stages.modules()
    )


@pytest.mark.parametrize(
    ("name", "resolution", "layer"),
    [
        ("cifar_resnet20", 32, "layer3"),
        ("torchvision:squeezenet1_1", 64, "features"),
        ("torchvision:mobilenet_v2", 64, "features"),
        ("torchvision:shufflenet_v2_x0_5", 64, "conv5"),
        ("torchvision:vgg11_bn", 32, "features.27"),
        ("timm:test_efficientnet", 64, "bn2"),
        ("timm:test_vit", 160, "blocks"),
    ],
)
def test_the_default_is_the_last_layer_with_places_before_the_classifier(
    name: str, resolution: int, layer: str
) -> None:
    assert choose_layers(build_hollow(name, num_classes=2), [DEFAULT_LAYER], resolution) == (layer,)


def test_a_smaller_image_has_its_default_further_down(stages: Stages) -> None:
    assert choose_layers(stages, [DEFAULT_LAYER], 4) == ("layer1",)
    with pytest.raises(ConfigError, match="no layer of Stages has a map of at least 2 x 2"):
        choose_layers(stages, [DEFAULT_LAYER], 2)


def test_pooling_normalisation_and_what_hands_them_on_are_passed_over() -> None:
    ending = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout())
    model = nn.Sequential(ending, nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(3))
    assert choose_layers(model, [DEFAULT_LAYER], 8) == ("0.1",)


def test_the_list_says_what_each_module_puts_out_and_which_can_be_dissected(
    stages: Stages,
) -> None:
    found = survey_layers(stages, 8)
    assert found.default == "layer2"
    rows = found.as_dict()["layers"]
    assert list(rows) == [name for name, _ in stages.named_modules() if name]
    assert rows["layer1.0"] == {
        "type": "Conv2d",
        "calls": 1,
        "shape": [4, 4, 4],
        "units": 4,
        "map": [4, 4],
    }
    assert (rows["twice"]["calls"], rows["twice"]["units"]) == (2, None)
    assert (rows["never"]["calls"], rows["never"]["shape"]) == (0, None)
    assert (rows["fc"]["shape"], rows["fc"]["map"]) == ([2], None)
    lines = str(found).splitlines()
    assert lines[0].split() == ["layer", "type", "shape", "units", "map"]
    assert ["layer2", "Sequential", "5", "x", "2", "x", "2", "5", "2", "x", "2"] in [
        line.split() for line in lines
    ]
    assert lines[-1] == "Dissected where none is named: layer2"


def test_without_layers_a_dissection_is_that_of_the_default(
    eye: nn.Module, painted: object
) -> None:
    form = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "resolution": 4, "quantile": 0.05}
    for layers, names in [(None, ["relu"]), ("colo*", ["colours"]), (["r*", "c*"], None)]:
        found = ps.dissect(eye, layers, painted, **form)
        assert list(found.layers) == (names or ["relu", "colours"])
        for name, layer in found.layers.items():
            alone = ps.dissect(eye, name, painted, **form).layers[name]
            assert np.array_equal(layer.overlap.intersection, alone.overlap.intersection)
            assert layer.summary == alone.summary
