"""Does a folded network put out, at every module, what the plain one does?"""

import copy

import pytest
import torch
from torch import nn

from prunescope.base.chains import Chain, trace
from prunescope.base.folding import fold, folded, folded_tensors, without_sums

GENERATOR = torch.Generator().manual_seed(0)


def draw(*size):
    return torch.randn(size, generator=GENERATOR)


def with_statistics(network):
    """Return a network in evaluation mode, of random running statistics, gains and shifts."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = draw(module.num_features)
            module.running_var = draw(module.num_features).exp()
            if module.affine:
                module.weight.data, module.bias.data = draw(2, module.num_features)
    return network.eval()


class Residual(nn.Module):
    """A block as ResNet's, whose ReLUs work in place."""

    def __init__(self, channels=4):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps):
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        return self.relu(inner + maps)


def residual():
    return with_statistics(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), Residual(), Residual())
    )


def outputs(network, batch, names):
    """Return a copy of what each module puts out, and the network's output."""
    seen, handles = {}, []
    for name in names:
        record = lambda _, __, output, name=name: seen.__setitem__(name, output.clone())  # noqa: E731
        handles.append(network.get_submodule(name).register_forward_hook(record))
    with torch.inference_mode():
        seen[""] = network(batch)
    for handle in handles:
        handle.remove()
    return seen


def largest_difference(a, b):
    return float((a - b).abs().max() / a.abs().max())


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(4, 6, 3, padding=1, bias=False),
        nn.Conv2d(4, 6, 3, padding=1, groups=2),
        nn.Conv2d(4, 6, 3, padding=2, padding_mode="reflect", stride=2, dilation=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2, bias=False),
    ],
    ids=["bare", "grouped", "padded", "transposed", "transposed in groups"],
)
@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_convolution_computes_both(convolution, affine):
    network = with_statistics(nn.Sequential(convolution, nn.BatchNorm2d(6, affine=affine)))
    batch = draw(2, 4, 7, 7)
    folds = fold(trace(network, batch).chains)
    with torch.inference_mode():
        plain = network(batch)
        with folded(folds):
            assert largest_difference(plain, network(batch)) < 3e-6
            assert network[1](batch) is batch
        assert torch.equal(network(batch), plain)


def test_folded_tensors_are_those_computed_by_hand():
    convolution, normalisation = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.25)
    for tensor, value in {
        convolution.weight: 3.0,
        convolution.bias: 1.0,
        normalisation.running_mean: 5.0,
        normalisation.running_var: 3.75,
        normalisation.weight: 8.0,
        normalisation.bias: 0.5,
    }.items():
        tensor.data.fill_(value)
    chain = Chain(convolution=convolution, normalisation=normalisation, convolved_by=frozenset())
    weight, bias = folded_tensors(chain)
    assert weight.item() == 12  # 8 / sqrt(3.75 + 0.25) = 4 times as large
    assert bias.item() == -15.5  # 4 (1 - 5) + 0.5


def test_every_module_puts_out_what_it_did_whatever_is_seen():
    network, batch = residual(), draw(2, 3, 8, 8)
    folds = fold(trace(network, batch).chains)
    names = [name for name, _ in network.named_modules() if name and "relu" not in name]
    assert len(folds) == 5
    plain = outputs(network, batch, names)
    with folded(folds):
        last = outputs(network, batch, [])[""]
    with folded(folds, seen=[network.get_submodule(name) for name in names]):
        again = outputs(network, batch, names)
    for name in names:
        assert largest_difference(plain[name], again[name]) < 1e-5, name
    assert torch.equal(again["2.conv1"], outputs(network, batch, ["2.conv1"])["2.conv1"]) is False
    assert torch.equal(again[""], last)  # the rest computes the same whether or not one looks


def test_a_convolution_that_is_seen_puts_out_its_own_output():
    network, batch = residual(), draw(2, 3, 8, 8)
    folds = fold(trace(network, batch).chains)
    plain = outputs(network, batch, ["0", "1"])
    with folded(folds, seen=[network[0]]):
        seen = outputs(network, batch, ["0", "1"])
    assert torch.equal(seen["0"], plain["0"])
    assert largest_difference(plain["1"], seen["1"]) < 3e-6
    with folded(folds):  # unseen, it already puts out what the normalisation does
        unseen = outputs(network, batch, ["0", "1"])
    assert torch.equal(unseen["0"], unseen["1"])


def test_a_relu_is_computed_with_its_convolution_to_the_same_bits():
    network, batch = residual(), draw(4, 3, 16, 16)
    folds = fold(trace(network, batch).chains)
    rectified = [each.chain.convolution for each in folds if each.rectified is not None]
    assert rectified == [network[2].conv1, network[3].conv1]
    with folded(folds):
        found = outputs(network, batch, ["2.conv1", "2.bn1", "2.relu"])
        assert found["2.bn1"].min() == 0  # before its ReLU was called
    with folded(folds, seen=[network[2].bn1]):
        seen = outputs(network, batch, ["2.bn1"])
    assert seen["2.bn1"].min() < 0
    assert torch.equal(seen["2.bn1"].relu(), found["2.bn1"])
    assert torch.equal(seen[""], found[""])


def test_a_relu_that_rectifies_other_maps_too_rectifies_them():
    network, batch = residual(), draw(2, 3, 8, 8)
    with folded(fold(trace(network, batch).chains)), torch.inference_mode():
        assert torch.equal(network[2].relu(draw(2, 4).sub_(9)), torch.zeros(2, 4))
        network(batch)
        assert torch.equal(network[2].relu(draw(2, 4).sub_(9)), torch.zeros(2, 4))


def test_a_module_that_hands_on_the_convolutions_output_is_seen_as_it():
    network = with_statistics(nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4)))
    batch = draw(1, 3, 4, 4)
    folds = fold(trace(network, batch).chains)
    plain = outputs(network, batch, ["0"])["0"]
    with folded(folds, seen=[network[0]]):
        assert torch.equal(outputs(network, batch, ["0"])["0"], plain)


def test_the_network_is_left_as_it_was_and_its_tensors_never_change():
    network, batch = residual(), draw(1, 3, 8, 8)
    before = copy.deepcopy(network.state_dict())
    attributes = {name: dict(vars(module)) for name, module in network.named_modules()}
    folds = fold(trace(network, batch).chains)
    with folded(folds):
        network(batch)
        during = network.state_dict()
    assert during.keys() == before.keys()
    assert all(torch.equal(during[key], before[key]) for key in before)
    with pytest.raises(RuntimeError), folded(folds):
        network(torch.zeros(1, 5, 8, 8))
    assert {name: dict(vars(module)) for name, module in network.named_modules()} == attributes


def test_a_channel_of_negative_variance_is_left_to_the_plain_network():
    network = with_statistics(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)))
    network[1].running_var[2] = -1
    batch = draw(1, 3, 4, 4)
    chains = trace(network, batch).chains
    assert len(chains) == 1
    assert fold(chains) == ()


def test_a_sum_and_its_relu_are_computed_with_the_convolution_to_the_same_bits():
    network, batch = residual(), draw(4, 3, 16, 16)
    folds = fold(trace(network, batch).chains)
    summed = [each.chain.convolution for each in folds if each.summed is not None]
    assert summed == [network[2].conv2, network[3].conv2]
    plain = outputs(network, batch, ["2", "3"])
    with folded(folds):
        fused = outputs(network, batch, ["2", "3"])
    with folded(without_sums(folds)):
        apart = outputs(network, batch, ["2", "3"])
    for name, output in plain.items():
        assert largest_difference(output, fused[name]) < 1e-5
        assert torch.equal(fused[name], apart[name])


def reads_its_size(normalised, maps):
    assert normalised.shape == maps.shape
    return normalised + maps


def reads_values_first(normalised, maps):
    return (normalised * 0.5) + (normalised + maps)


def adds_in_place(normalised, maps):
    normalised.add_(maps)
    return normalised


def adds_in_place_and_reads(normalised, maps):
    total = normalised.add_(maps)
    return normalised * total


def adds_by_name(normalised, maps):
    return torch.add(input=normalised, other=maps)


def adds_into_another(normalised, maps):
    maps = maps.clone()
    maps += normalised
    return maps


def adds_one_for_all_images(normalised, maps):
    return normalised + maps[:1]


def adds_double_precision(normalised, maps):
    return (normalised + maps.double()).float()


def adds_a_number(normalised, maps):
    return normalised + 2.0 + maps


def adds_twofold(normalised, maps):
    return torch.add(maps, normalised, alpha=2)


def adds_to_another(normalised, maps):
    return maps + normalised


class Added(nn.Module):
    """What adds as is usual while it is traced, and otherwise afterwards."""

    def __init__(self, use):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.use, self.is_traced = use, True

    def forward(self, maps):
        normalised = self.bn(self.conv(maps))
        return normalised + maps if self.is_traced else self.use(normalised, maps)


@pytest.mark.parametrize(
    "use",
    [
        *(reads_its_size, reads_values_first, adds_in_place, adds_in_place_and_reads, adds_by_name),
        *(adds_into_another, adds_one_for_all_images, adds_double_precision, adds_a_number),
        *(adds_twofold, adds_to_another),
    ],
)
def test_a_convolution_that_waits_for_a_sum_has_its_values_whatever_is_done_with_it(use):
    network, batch = with_statistics(Added(use)), draw(2, 3, 8, 8)
    folds = fold(trace(network, batch).chains)
    assert folds[0].summed is not None
    network.is_traced = False
    plain = outputs(network, batch, [])[""]
    with folded(folds):
        assert largest_difference(plain, outputs(network, batch, [])[""]) < 1e-5
