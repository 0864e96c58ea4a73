"""Are maps of transformers those folded by hand, and what could be two things refused?"""

import pytest
import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.dissection.capture import capture
from prunescope.dissection.tokens import as_map, layout_of
from prunescope.networks.registry import build

IMAGES = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))


class Tokens(nn.Module):
    """A network whose only layer puts out what it is given."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.output = output

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(self.output)


def captured(model: nn.Module, *layers: str, images: Tensor = IMAGES) -> dict[str, Tensor]:
    with capture(model, layers) as maps, torch.inference_mode():
        model(images)
    return dict(maps)


def output_of(model: nn.Module, layer: str, images: Tensor = IMAGES) -> Tensor:
    found: list[Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda *given: found.append(given[2]))
    with torch.inference_mode():
        model.eval()(images)
    return found[0]


def fold_by_hand(output: Tensor, before: int, side: int) -> Tensor:
    images, _, channels = output.shape
    maps = torch.empty(images, channels, side, side)
    for row in range(side):
        for column in range(side):
            maps[:, :, row, column] = output[:, before + row * side + column, :]
    return maps


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("timm:test_vit,img_size=48", 1),
        ("timm:test_vit,img_size=48,class_token=False,global_pool=avg", 0),
        ("timm:test_vit,img_size=48,reg_tokens=4", 5),
    ],
)
def test_tokens_of_a_vit_are_folded_without_class_and_registers(name: str, before: int) -> None:
    model = build(name, num_classes=2, seed=0)
    assert model.num_prefix_tokens == before
    for layer in ("blocks.0", "blocks", "blocks.1.mlp.fc1", "norm"):
        output = output_of(model, layer)
        assert output.shape[1] == before + 9
        assert torch.equal(captured(model, layer)[layer], fold_by_hand(output, before, 3))


def test_tokens_from_before_the_class_joins_are_all_of_the_grid() -> None:
    model = build("timm:vit_tiny_patch16_224,img_size=48,depth=1", num_classes=2, seed=0)
    patches = output_of(model, "patch_embed")
    assert patches.shape[1] == 9
    maps = captured(model, "patch_embed", "patch_embed.proj")
    assert torch.equal(maps["patch_embed"], fold_by_hand(patches, 0, 3))
    assert torch.equal(maps["patch_embed"], maps["patch_embed.proj"])


def test_torchvisions_vit_has_one_class_token() -> None:
    from torchvision.models import VisionTransformer

    model = VisionTransformer(48, 16, 2, 2, 8, 16, num_classes=2)
    maps = captured(model, "encoder.layers", "encoder.layers.encoder_layer_0.ln_1")
    output = output_of(model, "encoder.layers")
    assert torch.equal(maps["encoder.layers"], fold_by_hand(output, 1, 3))


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_channels_of_a_swin_come_first_whichever_layer_put_them_last(library: str) -> None:
    if library == "torchvision":
        from torchvision.models import SwinTransformer

        model = SwinTransformer([4, 4], 8, [1, 1], [2, 2], [3, 3], num_classes=2)
        last, first = "features", ("features.0.0", "permute")
    else:
        name = "timm:swin_tiny_patch4_window7_224,img_size=56,embed_dim=24"
        model, last, first = build(name, num_classes=2, seed=0), "layers", ("patch_embed.proj",)
    images = torch.nn.functional.interpolate(IMAGES, 56)
    output = output_of(model, last, images)
    assert output.shape[1] == output.shape[2] < output.shape[3]
    maps = captured(model, last, *first, images=images)
    assert torch.equal(maps[last], output.permute(0, 3, 1, 2))
    for layer in first:
        assert torch.equal(maps[layer], output_of(model, layer, images))


def test_as_many_channels_as_cells_a_side_are_last_only_where_the_network_says_so() -> None:
    class SwinTransformer(nn.Module):
        pass

    cube = torch.arange(27.0).reshape(1, 3, 3, 3)
    swapped = cube.permute(0, 3, 1, 2)
    for model, module, expected in [
        (nn.Module(), nn.ReLU(), cube),
        (nn.Module(), nn.Linear(3, 3), swapped),
        (nn.Module(), nn.LayerNorm(3), swapped),
        (SwinTransformer(), nn.ReLU(), swapped),
        (SwinTransformer(), nn.Conv2d(3, 3, 1), cube),
    ]:
        assert torch.equal(as_map(cube, module, layout_of(model), 1), expected)
    oblong = torch.arange(64.0).reshape(1, 4, 4, 4)[..., :2]
    for module in (nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.MaxPool2d(1)):
        assert torch.equal(as_map(oblong, module, layout_of(nn.Module()), 1), oblong)


@pytest.mark.parametrize(
    ("tokens", "before", "side"), [(16, 0, 4), (17, 1, 4), (18, 2, 4), (21, 5, 4), (197, 1, 14)]
)
def test_of_an_unknown_network_the_only_usual_number_that_leaves_a_square_is_dropped(
    tokens: int, before: int, side: int
) -> None:
    output = torch.randn(2, tokens, 3)
    assert torch.equal(
        captured(Tokens(output), "layer")["layer"], fold_by_hand(output, before, side)
    )


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 9, 3), "whose 9 tokens may be 0 and 3 x 3 or 5 and 2 x 2: .*num_prefix_tokens"),
        ((2, 12, 3), "whose 12 tokens are no square grid"),
        ((17, 2, 3), "a tensor of shape 17 x 2 x 3 for 2 images, not a map for each image"),
        ((8, 3, 7, 7), "a tensor of shape 8 x 3 x 7 x 7 for 2 images"),
        ((2, 2, 3), "whose 2 tokens are no square grid"),
    ],
)
def test_what_could_be_another_grid_or_none_is_refused(
    shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        captured(Tokens(torch.zeros(shape)), "layer")


def test_a_network_may_say_how_many_tokens_are_no_cells() -> None:
    output = torch.randn(2, 12, 3)
    model = Tokens(output)
    model.num_prefix_tokens = 3
    assert torch.equal(captured(model, "layer")["layer"], fold_by_hand(output, 3, 3))
