"""Does the small network predict what the masked one predicts, whatever couples its channels?"""

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.masking import FilterKeeper
from prunescope.pruning.filters.removal import remove_filters
from prunescope.pruning.filters.scoring import filter_scores, select_groups
from prunescope.pruning.mask import Mask
from small_networks import PIXELS, densenet, grouped, named, plain, residual, with_statistics

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": plain,
    "grouped": grouped,
    "residual": residual,
    "cifar_resnet": partial(named, "cifar_resnet20,width=0.25"),
}
LIBRARIES: dict[str, Callable[[], nn.Module]] = {
    "densenet": densenet,
    "resnet18": partial(named, "torchvision:resnet18"),
    "mobilenet_v3": partial(named, "torchvision:mobilenet_v3_small"),
    "vgg11_bn": partial(named, "torchvision:vgg11_bn"),
    "googlenet": partial(named, "torchvision:googlenet"),
    "squeezenet": partial(named, "torchvision:squeezenet1_1"),
    "resnext": partial(named, "timm:resnext26ts"),
    "efficientnet": partial(named, "timm:efficientnet_lite0"),
    "convnext": partial(named, "timm:convnext_atto"),
    "vit": partial(named, "timm:vit_tiny_patch16_224,img_size=32"),
}


def _halved(network: nn.Module) -> tuple[Mask, nn.Module, nn.Module]:
    """Return which groups survive, the small network, and a copy masked here, by other means."""
    groups = find_groups(network, resolution=PIXELS)
    scores = filter_scores(groups, network.state_dict())
    survivors = select_groups(
        scores, groups.everything, lambda part: max(1, round(part.survivors / 2))
    )
    small = remove_filters(network, groups, survivors, resolution=PIXELS)
    masked = copy.deepcopy(network)
    with torch.no_grad():
        for name, tensor in (*masked.named_parameters(), *masked.named_buffers()):
            if name in small.mask:
                tensor.mul_(small.mask[name])
    return survivors, small.module, masked


def _images() -> Tensor:
    return torch.randn(3, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(7))


def _check(network: nn.Module) -> None:
    with_statistics(network)
    survivors, small, masked = _halved(network)
    images = _images()
    with torch.no_grad():
        dense, expected, computed = network(images), masked(images), small(images)
    assert survivors.survivors < survivors.size
    assert _size(small) < _size(network)
    assert (dense - expected).abs().max() > 1e-3 * dense.abs().max()  # else nothing was removed
    assert (computed - expected).abs().max() <= 1e-5 * expected.abs().max()


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_small_network_predicts_what_the_masked_one_does(name: str) -> None:
    _check(NETWORKS[name]())


@pytest.mark.long
@pytest.mark.parametrize("name", LIBRARIES)
def test_the_same_holds_for_the_networks_of_the_libraries(name: str) -> None:
    _check(LIBRARIES[name]())


def test_a_zero_padded_shortcut_keeps_its_channels_and_is_named() -> None:
    groups = find_groups(named("cifar_resnet20,width=0.25"), resolution=PIXELS)

    stream = next(each for each in groups.sets if "conv1" in each.layers)
    assert "layer1.0.conv2" in stream.layers
    assert stream.whole is not None
    assert "pads or shifts them" in stream.whole
    inner = [each.name for each in groups.removable]
    assert inner == [f"layer{i}.{j}.conv1" for i in (1, 2, 3) for j in (0, 1, 2)]


@pytest.mark.long
def test_channels_under_a_layer_normalisation_stay_and_are_named() -> None:
    groups = find_groups(named("timm:convnext_atto"), resolution=PIXELS)

    assert "layer normalisation" in groups.whole["stem.0"]
    assert all(name.endswith("mlp.fc1") for name in (each.name for each in groups.removable))


def test_the_outputs_of_the_network_are_never_removed() -> None:
    groups = find_groups(plain(), resolution=PIXELS)

    assert groups.whole == {"9": "they lead to the network's outputs"}
    assert [each.name for each in groups.removable] == ["0", "3", "7"]


def test_units_keep_the_numbers_of_the_dense_network_in_every_module() -> None:
    network = with_statistics(plain())
    groups = find_groups(network, resolution=PIXELS)
    kept = {name: torch.ones_like(each) for name, each in groups.everything.items()}
    kept["0"][[1, 5]] = False
    kept["3"][0] = False
    small = remove_filters(network, groups, Mask(kept), resolution=PIXELS)

    left = (0, 2, 3, 4, 6, 7)
    flat = tuple(range(4, 24))
    assert small.units == {
        **dict.fromkeys(("0", "1", "2"), left),
        **dict.fromkeys(("3", "4", "5"), (1, 2, 3, 4, 5)),
        "6": flat,
    }
    assert groups.survivors(small.units).keys() == kept.keys()
    assert all(torch.equal(groups.survivors(small.units)[name], kept[name]) for name in kept)


def test_the_mask_covers_all_that_goes_with_a_filter() -> None:
    network = with_statistics(plain())
    groups = find_groups(network, resolution=PIXELS)
    kept = {name: torch.ones_like(each) for name, each in groups.everything.items()}
    kept["0"][1] = False
    mask = groups.weight_mask(Mask(kept), network.state_dict())

    gone = {name: int((~each).sum()) for name, each in mask.items() if not bool(each.all())}
    assert gone == {
        "0.weight": 27,
        "0.bias": 1,
        **dict.fromkeys(("1.weight", "1.bias", "1.running_mean", "1.running_var"), 1),
        "3.weight": 6 * 9,
    }


def test_a_small_network_is_put_back_into_the_dense_shapes() -> None:
    network = with_statistics(residual())
    groups = find_groups(network, resolution=PIXELS)
    survivors, small, masked = _halved(network)
    shapes = {name: tuple(each.shape) for name, each in network.state_dict().items()}

    wide = groups.expanded(survivors, small.state_dict(), shapes)
    assert all(torch.equal(wide[name], each) for name, each in masked.state_dict().items())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("by", ["weights", "gradients"])
def test_pruned_channels_stay_at_zero_while_the_network_trains(momentum: float, by: str) -> None:
    network = with_statistics(residual())
    groups = find_groups(network, resolution=PIXELS)
    survivors = select_groups(
        filter_scores(groups, network.state_dict()), groups.everything, lambda part: part.size // 2
    )
    mask = groups.weight_mask(survivors, network.state_dict())
    keeper = FilterKeeper(network, mask)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=momentum, weight_decay=1e-3)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    network.train()
    for _ in range(3):
        optimizer.zero_grad()
        network(_images()).square().sum().backward()
        if by == "gradients":
            keeper.clear_gradients()
        optimizer.step()
        if by == "weights":
            keeper(optimizer)
        state = network.state_dict()
        assert all(not bool(state[name][~kept].any()) for name, kept in mask.items())
    assert any(not torch.equal(before[name], state[name]) for name in mask)

    small = remove_filters(network, groups, survivors, resolution=PIXELS)
    network.eval()
    with torch.no_grad():
        expected = network(_images())
        assert (small.module(_images()) - expected).abs().max() <= 1e-5 * expected.abs().max()


class Detached(nn.Module):
    """A network of the user's whose graph ends inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.head = nn.Conv2d(4, 5, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stem(images).detach()).mean(dim=(2, 3))


def test_a_graph_that_cannot_be_traced_names_the_layer() -> None:
    with pytest.raises(ConfigError, match='the layer "stem" runs, but its graph cannot be traced'):
        find_groups(Detached(), resolution=PIXELS)


@pytest.mark.long
def test_of_a_shuffle_of_channels_the_block_is_named() -> None:
    with pytest.raises(ConfigError, match=r'cannot be traced in the module "stage2"'):
        find_groups(named("torchvision:shufflenet_v2_x0_5"), resolution=PIXELS)


def test_a_network_that_computes_otherwise_is_refused() -> None:
    class Counting(nn.Module):
        """Divides by the number of its channels, which nothing shows in a graph."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.head = nn.Linear(8, 5)

        def forward(self, images: Tensor) -> Tensor:
            maps = torch.relu(self.conv(images)).mean(dim=(2, 3))
            return self.head(maps / maps.shape[1])

    groups = find_groups(Counting(), resolution=PIXELS)
    assert "does not predict" in groups.whole["conv"]
    with pytest.raises(ConfigError, match="no filter of the network can be removed"):
        _ = groups.everything
