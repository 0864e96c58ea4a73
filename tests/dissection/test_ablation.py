"""Is a network without units the one in which they were set to zero by hand?"""

import pytest
import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.dissection.ablation import indices_of, layout_for, without_units
from prunescope.networks.registry import build

SIDE = 24
IMAGES = torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
UNITS = (1, 4)


def ablated(model: nn.Module, layer: str, images: Tensor = IMAGES) -> Tensor:
    layout, count = layout_for(model, layer, images.shape[-1], images.shape[1])
    assert count > max(UNITS)
    with without_units(model, layer, UNITS, layout=layout), torch.inference_mode():
        output: Tensor = model(images)
        return output


class Scores(nn.Module):
    """Scores for images of any size, which depend on every value and its place."""

    def forward(self, values: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(6)
        return values @ torch.randn(values.shape[1], 5, generator=generator)


class InTwo(nn.Module):
    """A network that is cut in two, with a layer between whose output has other axes."""

    def __init__(self, axes: str) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 6, 4, stride=4)
        self.layer = nn.Identity()
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), Scores())
        self.axes = axes

    def arranged(self, maps: Tensor) -> Tensor:
        """Return maps (NCHW) in the axes of the layer."""
        if len(self.axes) == 3:
            maps = maps.flatten(2).permute(["NCL".index(axis) for axis in self.axes])
        else:
            maps = maps.permute(["NCHW".index(axis) for axis in self.axes])
        return maps

    def finished(self, output: Tensor) -> Tensor:
        """Return what follows the layer."""
        batch = self.axes.index("N")
        scores: Tensor = self.head(output.movedim(batch, 0))
        return scores

    def forward(self, images: Tensor) -> Tensor:
        return self.finished(self.layer(self.arranged(self.body(images))))


@pytest.mark.parametrize("axes", ["NCHW", "NHWC", "NLC", "LNC", "NCL"])
def test_units_are_zeroed_on_whichever_axis_they_are(axes: str) -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = InTwo(axes).eval()
    with torch.inference_mode():
        maps = model.body(IMAGES)
        maps[:, list(UNITS)] = 0
        by_hand = model.finished(model.arranged(maps))
        whole = model(IMAGES)
    found = ablated(model, "layer")
    assert torch.equal(found, by_hand)
    assert not torch.allclose(found, whole)


def plain() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 6, 3, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 4),
        )
    nn.init.constant_(model[1].bias, 0.3)
    return model.eval()


@pytest.mark.parametrize("layer", ["1", "2"])
def test_what_follows_sees_nothing_of_the_units(layer: str) -> None:
    """Also not where an in-place operation follows the layer, or a bias precedes it."""
    found, by_hand = ablated(plain(), layer), plain()
    with torch.no_grad():
        by_hand[3].weight[:, list(UNITS)] = 0  # the next convolution sees nothing of them
    with torch.inference_mode():
        assert torch.allclose(found, by_hand(IMAGES), atol=1e-6)
        assert not torch.allclose(found, plain()(IMAGES), atol=1e-3)


def test_units_before_a_normalisation_leave_its_shift() -> None:
    model, by_hand = plain(), plain()
    with torch.no_grad():
        by_hand[0].weight[list(UNITS)] = 0
        by_hand[0].bias[list(UNITS)] = 0
    with torch.inference_mode():
        assert torch.allclose(ablated(model, "0"), by_hand(IMAGES), atol=1e-6)


def test_every_token_of_a_vit_loses_the_units_the_class_token_too() -> None:
    model = build("timm:test_vit,img_size=48", num_classes=2, seed=0).eval()
    images = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    seen: list[Tensor] = []
    following = model.get_submodule("norm")
    handle = following.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    ablated(model, f"blocks.{len(model.blocks) - 1}", images)
    handle.remove()
    assert not seen[-1][:, :, list(UNITS)].any()
    assert seen[-1][:, :, [0, 2, 3]].any(dim=(0, 1)).all()


def test_the_network_is_left_as_it_was() -> None:
    model = plain().train()
    with torch.inference_mode():
        before = model.eval()(IMAGES)
    ablated(model, "1")
    with torch.inference_mode():
        assert torch.equal(model(IMAGES), before)
    assert not any(module._forward_hooks for module in model.modules())


def test_without_any_unit_nothing_changes() -> None:
    model = plain()
    layout, _ = layout_for(model, "1", SIDE, 3)
    with without_units(model, "1", (), layout=layout), torch.inference_mode():
        found = model(IMAGES)
    with torch.inference_mode():
        assert torch.equal(found, model(IMAGES))


@pytest.mark.parametrize(
    ("layer", "message"),
    [("8", 'no layer "8"'), ("5", "not a map for each unit"), ("4", "one cell for each unit")],
)
def test_a_layer_without_maps_is_refused(layer: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        layout_for(plain(), layer, SIDE, 3)


def test_a_layer_that_is_called_twice_is_refused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, images: Tensor) -> Tensor:
            return self.conv(self.conv(images)).mean((2, 3))

    with pytest.raises(ConfigError, match="more than once"):
        layout_for(Twice(), "conv", SIDE, 3)


def test_units_go_by_their_numbers_in_the_dense_network() -> None:
    assert indices_of("layer4", (7, 2), (0, 2, 5, 7)) == (3, 1)
    assert indices_of("layer4", (2,), range(4)) == (2,)
    with pytest.raises(ConfigError, match=r"no unit 3: it has 4 units, with the numbers of those"):
        indices_of("layer4", (3,), (0, 2, 5, 7))
    with pytest.raises(ConfigError, match="no unit 4: it has 4 units, from 0 on"):
        indices_of("layer4", (4,), range(4))
