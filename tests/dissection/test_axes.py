"""Are images, units and cells told apart by images of several numbers and sizes?"""

import pytest
import torch
from torch import Tensor, nn

from prunescope import dissect
from prunescope.base.errors import ConfigError
from prunescope.dissection.capture import capture
from prunescope.dissection.layers import survey_layers
from prunescope.dissection.settings import parse_axes
from prunescope.dissection.survey import learn_layout
from prunescope.networks.registry import build


class SequenceFirst(nn.Module):
    """A transformer whose layers put out tokens x images x channels."""

    def __init__(self, *, classes: int, fixed: bool) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(torch.ones(classes, 1, 16))
        self.positions = nn.Parameter(torch.rand(16 + classes, 1, 16)) if fixed else 0.0
        layer = nn.TransformerEncoderLayer(16, 2, 16, batch_first=False)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.out = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).permute(2, 0, 1)
        tokens = torch.cat([self.token.expand(-1, len(images), -1), tokens])
        return self.out(self.encoder(tokens + self.positions))


class Oblong(nn.Module):
    """Five units of five rows and three columns, first and last; of any image where not fixed."""

    def __init__(self, *, fixed: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d((5, 3)) if fixed else nn.MaxPool2d((2, 3), (2, 3))
        self.first, self.last = nn.Identity(), nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.first(self.pool(self.conv(images))).permute(0, 2, 3, 1))


def captured(model: nn.Module, images: Tensor, *layers: str, axes: str | None = None):
    layout = learn_layout(model, images.shape[2], axes=axes)
    with capture(model, layers, layout=layout) as maps, torch.inference_mode():
        model(images)
    return dict(maps)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("classes", [0, 1, 3])
@pytest.mark.parametrize("images", [1, 16, 17])
def test_tokens_are_not_taken_for_images(classes: int, fixed: bool, images: int) -> None:
    if fixed and classes == 3:
        pytest.skip("three tokens more than a square are unusual, and nothing says so")
    torch.manual_seed(0)
    model = SequenceFirst(classes=classes, fixed=fixed).eval()
    pictures = torch.rand(images, 3, 16, 16)
    with torch.inference_mode():
        tokens = model(pictures)
    maps = captured(model, pictures, "encoder", "out")
    expected = tokens[classes:].permute(1, 2, 0).reshape(images, 16, 4, 4)
    assert torch.allclose(maps["encoder"], expected, atol=1e-6)
    assert torch.equal(maps["encoder"], maps["out"])


def test_units_are_not_taken_for_cells_whatever_their_numbers() -> None:
    model = Oblong(fixed=False).eval()
    images = torch.rand(2, 3, 10, 10)
    with torch.inference_mode():
        last = model(images)
    assert last.shape == (2, 5, 3, 5)
    maps = captured(model, images, "first", "last")
    assert torch.equal(maps["first"], last.permute(0, 3, 1, 2))
    assert torch.equal(maps["first"], maps["last"])


def test_what_stays_ambiguous_is_asked() -> None:
    model = Oblong(fixed=True).eval()
    images = torch.rand(2, 3, 10, 10)
    with torch.inference_mode():
        last = model(images)
    assert torch.equal(captured(model, images, "first")["first"], last.permute(0, 3, 1, 2))
    with pytest.raises(ConfigError, match=r'"last".*2 x 5 x 3 x 5.*say which with --axes'):
        captured(model, images, "last")
    found = captured(model, images, "last", axes="NHWC")["last"]
    assert torch.equal(found, last.permute(0, 3, 1, 2))
    maps = {layer.name: layer.map for layer in survey_layers(model, 10).layers}
    assert (maps["first"], maps["last"]) == ((5, 5, 3), None)
    maps = {layer.name: layer.map for layer in survey_layers(model, 10, "nhwc").layers}
    assert maps["last"] == (5, 5, 3)


def test_axes_that_the_output_contradicts_are_refused() -> None:
    words = r'"last".* 2 x 5 x 3 x 5 for 2 images, which --axes HNWC does not fit'
    with pytest.raises(ConfigError, match=words):
        captured(Oblong(fixed=True), torch.rand(2, 3, 10, 10), "last", axes="HNWC")


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("axes", ["NLC", "LNC"])
def test_axes_of_tokens_are_refused_for_a_map_that_has_none(fixed: bool, axes: str) -> None:
    words = rf'^{axes} as --axes does not fit layer "last", .* 2 x 5 x 3 x 5: .* such as NHWC'
    with pytest.raises(ConfigError, match=words):
        captured(Oblong(fixed=fixed), torch.rand(2, 3, 10, 10), "last", axes=axes)


def test_axes_of_a_map_are_refused_for_tokens() -> None:
    model = SequenceFirst(classes=0, fixed=False).eval()
    pictures = torch.rand(2, 3, 16, 16)
    with pytest.raises(ConfigError, match=r'NHWC as --axes does not fit layer "encoder".*NLC'):
        captured(model, pictures, "encoder", axes="NHWC")
    both = captured(model, pictures, "encoder", axes="NHWC,LNC")["encoder"]
    assert torch.equal(both, captured(model, pictures, "encoder")["encoder"])


@pytest.mark.parametrize("axes", ["NLC", "NCL", "LNC", "CLN"])
def test_axes_that_the_size_of_images_contradicts_are_refused(axes: str) -> None:
    model = SequenceFirst(classes=1, fixed=False).eval()
    pictures = torch.rand(2, 3, 16, 16)
    if axes == "LNC":
        captured(model, pictures, "out", axes=axes)
        return
    words = rf'^{axes} as --axes does not fit layer "out".*images of other sizes show.* LNC$'
    with pytest.raises(ConfigError, match=words):
        captured(model, pictures, "out", axes=axes)


def test_axes_settle_what_is_open_and_leave_what_was_seen() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen, self.fixed = nn.Conv2d(3, 5, 1), Oblong(fixed=True)

        def forward(self, images: Tensor) -> Tensor:
            return self.fixed(self.seen(images)[:, :3])

    images = torch.rand(2, 3, 10, 10)
    maps = captured(Both(), images, "seen", "fixed.last", axes="NHWC")
    assert maps["seen"].shape == (2, 5, 10, 10)
    assert maps["fixed.last"].shape == (2, 5, 5, 3)


def test_windows_are_no_images() -> None:
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.windows = nn.Conv2d(3, 4, 1), nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            maps = self.conv(images)
            return self.windows(maps.unfold(2, 4, 4).transpose(1, 2).flatten(0, 1))

    with pytest.raises(ConfigError, match="not a map for each image"):
        captured(Windows(), torch.rand(2, 3, 8, 8), "windows")


@pytest.mark.parametrize("side", [4, 8])
def test_what_grows_with_the_images_in_two_axes_is_no_map(side: int) -> None:
    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pairs = nn.Conv2d(3, 4, 1), nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            if images.shape[2] != side:
                raise ValueError("another size")
            means = self.conv(images).mean((2, 3))
            return self.pairs(torch.cat([means, means])[None] * means[:, None])

    with pytest.raises(ConfigError, match=r'"pairs".*shape 2 x 4 x 4'):
        captured(Pairs(), torch.rand(2, 3, side, side), "pairs")


def test_the_probes_leave_a_network_as_it_was() -> None:
    model = build("cifar_resnet20,width=0.25", num_classes=2, seed=0).train()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    learn_layout(model, 32)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("nhwc", {4: "NHWC"}), ("NHWC, LNC", {4: "NHWC", 3: "LNC"}), ("NCL", {3: "NCL"})],
)
def test_axes_are_read_by_their_number(text: str, expected: dict[int, str]) -> None:
    assert parse_axes(text) == expected


@pytest.mark.parametrize("text", ["", "NHW", "NCHWL", "NNHW", "NHWC,NCHW", "batch,unit", "NLC,"])
def test_letters_that_are_no_axes_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be the letters NCHW or NLC"):
        parse_axes(text)


def test_a_dissection_takes_axes(eye, painted) -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.eye, self.turned = eye, nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            self.turned(self.eye.colours(images)[:, :, :, :3].permute(0, 2, 3, 1))
            return self.eye(images)

    plain = {"resolution": 4, "mean": (0.0,) * 3, "std": (1.0,) * 3, "quantile": 0.1}
    found = dissect(Turned(), "turned", painted, axes="nhwc", **plain)
    assert found.layers["turned"].summary["map"] == [4, 3]
    assert found.layers["turned"].summary["settings"]["axes"] == "NHWC"
