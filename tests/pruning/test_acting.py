"""Are the weights that are counted, pruned and kept at zero those that act?"""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

import prunescope as ps
from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.acting import first_names, layer_keys, outputs_first
from prunescope.pruning.audit import audit_weights
from prunescope.pruning.audit_text import describe_audit
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import behaviour_of, left_out, prunable_names
from prunescope.pruning.prune import prune_module
from prunescope.pruning.saved import SavedWeights, read_weights
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.trial import acts_as_stored


def unprunable(network: nn.Module) -> Mapping[str, str]:
    return behaviour_of(network).unprunable


class Tied(nn.Module):
    """Two layers that share their weight, and a classifier."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1, bias=False)
        self.a = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.b = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.b.weight = self.a.weight
        self.fc = nn.Linear(4, 2)

    def forward(self, images):
        return self.fc(self.b(self.a(self.stem(images))).mean((2, 3)))


class Language(nn.Module):
    """An embedding whose weight the classifier shares, and a recurrent layer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 6)
        self.lstm = nn.LSTM(6, 6)
        self.mix = nn.Linear(6, 6)
        self.head = nn.Linear(6, 10, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.ones(3, 5))


class Standardised(nn.Conv2d):
    def forward(self, maps):
        weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) / self.weight.std()
        return nn.functional.conv2d(maps, weight, self.bias, self.stride, self.padding)


def saved_of(network):
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    return SavedWeights(path=Path("x"), state=state)


def test_a_shared_weight_is_counted_once_and_multiplied_wherever_it_is_used(tmp_path):
    network = Tied()
    true = sum(parameter.numel() for parameter in network.parameters())
    for resolution in (None, 5):
        for known in (network, None):
            audit = audit_weights(saved_of(network), known, resolution=resolution)
            assert audit.parameters == true
            assert audit.total("weights") == true - 2
            assert audit.bytes["dense"] == 4 * true
    audit = audit_weights(saved_of(network), network, resolution=5)
    assert audit.layers["a.weight"].multiply_adds == 2 * 25 * 144
    assert "b.weight" not in audit.layers


def test_a_shared_weight_is_pruned_once_and_zero_under_both_names():
    network = Tied()
    mask = prune_module(network, PruneSettings(keep=0.5))
    assert list(mask) == ["stem.weight", "a.weight", "fc.weight"]
    state = network.state_dict()
    assert bool((state["b.weight"][~mask["a.weight"]] == 0).all())
    assert mask.survivors == round(0.5 * mask.size)
    assert mask.keep_overall(network) == (mask.survivors + 2) / (mask.size + 2)


def test_a_mask_under_the_other_name_of_a_shared_weight_counts():
    network = Tied()
    half = torch.arange(144).reshape(4, 4, 3, 3) % 2 == 0
    third = torch.arange(144).reshape(4, 4, 3, 3) % 3 == 0
    MaskKeeper(network, Mask({"a.weight": half, "b.weight": third}))
    assert int(torch.count_nonzero(network.a.weight)) <= 24
    assert first_names(network)["b.weight"] == "a.weight"


def test_two_values_of_one_shared_weight_are_refused():
    network = Tied()
    saved = saved_of(network)
    saved.state["b.weight"] += 1
    with pytest.raises(DataError, match=r"one weight under the names a\.weight and b\.weight"):
        audit_weights(saved, network)


def test_what_is_left_out_is_named_with_its_size():
    network = Language()
    mask = prune_module(network, PruneSettings(keep=0.5))
    assert list(mask) == ["mix.weight"]
    assert left_out(network, mask) == {
        "scale": 15, "embed.weight": 60, "lstm.weight_ih_l0": 144, "lstm.weight_hh_l0": 144,
    }  # fmt: skip


PARAMETRISED = {
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "weight norm of old": torch.nn.utils.weight_norm,
    "spectral norm of old": torch.nn.utils.spectral_norm,
    "torch's masks": lambda m: torch_prune.l1_unstructured(m, "weight", 0.5),
}


class Halved(nn.Module):
    """A user's own parametrization: half of the weights act."""

    def forward(self, weight):
        return weight * (torch.arange(weight.numel()).reshape(weight.shape) % 2)


def _own(module):
    parametrize.register_parametrization(module, "weight", Halved())
    return module


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", [*PARAMETRISED, "the user's own"])
def test_a_computed_weight_is_audited_as_it_acts_and_left_out_of_pruning(name):
    make = PARAMETRISED.get(name, _own)
    network = nn.Sequential(make(nn.Conv2d(3, 4, 3)), nn.ReLU(), nn.Conv2d(4, 6, 3))
    acting = network[0].weight.detach().clone()
    for resolution in (None, 8):
        audit = audit_weights(saved_of(network), network, resolution=resolution)
        layer = audit.layers["0.weight"]
        assert layer.weights == 108
        assert layer.nonzero == int(torch.count_nonzero(acting))
        assert (layer.multiply_adds is None) == (resolution is None)
        assert audit.parameters == sum(p.numel() for p in network.parameters())
    if name != "torch's masks":  # of which `prune` says how to take them out
        mask = prune_module(network, PruneSettings(keep=0.5))
        assert list(mask) == ["2.weight"]
        assert any(key.startswith("0.") for key in left_out(network, mask)) or "g" in name


def test_where_most_weights_would_act_all_the_same_pruning_is_refused():
    network = nn.Sequential(Standardised(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ConfigError, match=r"0\.weight cannot be pruned: this Standardised changes"):
        prune_module(network, PruneSettings(keep=0.5))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    network[2] = nn.Conv2d(8, 80, 1)
    assert prunable_names(network, "all") == ("2.weight",)


@pytest.mark.parametrize(
    ("name", "acts"),
    [("nf_resnet26", False), ("resnetv2_50x1_bit", False), ("tf_efficientnet_lite0", True)],
)
def test_timms_standardised_convolutions_do_not_act_as_they_are_stored(name, acts):
    import timm

    network = timm.create_model(name)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert {acts_as_stored(layer) for layer in layers[1:4]} == {acts}


def test_an_audit_of_weights_that_act_otherwise_counts_those_that_act():
    network = nn.Sequential(Standardised(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
    network[0].weight.data[:, 0] = 0
    saved = saved_of(network)
    kept = Mask({"0.weight": saved.state["0.weight"] != 0})
    saved = SavedWeights(path=Path("x"), state=saved.state, mask=kept)
    audit = audit_weights(saved, network, resolution=8)
    assert audit.layers["0.weight"].nonzero == 216
    assert audit.layers["0.weight"].revived == 72
    assert "72 pruned weights of 0.weight are not zero" in audit.problems
    blind = audit_weights(saved, network)
    assert any("give --resolution" in note for note in blind.notes)


def test_transposed_convolutions_are_convolutions():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2, bias=False)
    )
    assert prunable_names(network, "conv") == ("0.weight", "1.weight")
    network[1].weight.data[:2, 1] = 0  # the second output of the first group
    assert outputs_first(network[1].weight, network[1]).shape == (6, 2, 2, 2)
    audit = audit_weights(saved_of(network), network, resolution=5)
    layer = audit.layers["1.weight"]
    assert (layer.filters, layer.dead_filters, layer.dead_units) == (6, 1, 1)
    assert layer.multiply_adds == 25 * 48  # each weight meets each cell of its input once
    assert list(layer_keys(network)) == ["0.weight", "1.weight"]


@pytest.mark.parametrize("scope", ["global", "layerwise"])
def test_a_keep_of_nothing_is_refused(scope):
    with pytest.raises(ConfigError, match="nothing is left of the network's"):
        prune_module(Tied(), PruneSettings(keep=1e-9, scope=scope))


def test_a_keeper_of_parameters_that_are_gone_says_so():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    mask = prune_module(network, PruneSettings(keep=0.3))
    state = {name: torch.ones_like(tensor) for name, tensor in network.state_dict().items()}
    for change in (
        lambda: network.load_state_dict(state, assign=True),
        lambda: setattr(network[0], "weight", nn.Parameter(torch.ones(8, 3, 3, 3))),
        lambda: parametrizations.weight_norm(network[0]),
    ):
        keeper = MaskKeeper(network, mask)
        keeper()
        change()
        with pytest.raises(ConfigError, match=r"0\.weight.*other parameters"):
            keeper()


def pruned_pair():
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4)))
    return network, prune_module(network, PruneSettings(keep=0.3))


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network[1].__setitem__(0, nn.Linear(4, 4)),
        lambda network: network.__setitem__(1, nn.Sequential(nn.Linear(4, 4))),
        lambda network: setattr(network[1][0], "weight", nn.Parameter(torch.ones(4, 4))),
    ],
)
def test_a_keeper_notices_a_new_layer_or_block_as_well_as_a_new_parameter(change):
    network, mask = pruned_pair()
    keeper = MaskKeeper(network, mask)
    change(network)
    with pytest.raises(ConfigError, match=r"1\.0\.weight: .*make a new one"):
        keeper()


@pytest.mark.parametrize("change", ["double", "half"])
def test_a_keeper_of_weights_that_became_another_type_says_so(change):
    network, mask = pruned_pair()
    keeper = MaskKeeper(network, mask)
    getattr(network, change)()
    with pytest.raises(ConfigError, match=r"are now torch\.float.*make a new one"):
        keeper()


def test_a_transposed_view_of_a_weight_is_pruned_and_counted_once():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2))
    network[1].weight = nn.Parameter(network[0].weight.data.t())
    mask = prune_module(network, PruneSettings(keep=0.4))
    assert (list(mask), mask.size, mask.survivors) == (["0.weight", "2.weight"], 15, 6)
    assert mask.keep_overall(network) == (9 + 3 + 3 + 6 + 2 - 9) / 23
    assert mask.revived(network.state_dict()) == []


class Autoencoder(nn.Module):
    """A decoder whose weight is the encoder's, transposed."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.enc, self.dec = nn.Linear(16, 8), nn.Linear(8, 16)
        self.dec.weight = nn.Parameter(self.enc.weight.data.t())

    def forward(self, images):
        return self.dec(self.enc(self.conv(images).mean((2, 3))))


@pytest.mark.parametrize("resolution", [None, 8])
def test_a_decoder_that_is_its_encoder_transposed_is_audited_once(resolution, tmp_path):
    network = Autoencoder()
    mask = prune_module(network, PruneSettings(keep=0.5))
    assert (list(mask), mask.size) == (["conv.weight", "enc.weight"], 432 + 128)
    assert left_out(network, mask) == {}
    torch.save(network.state_dict(), tmp_path / "w.pth")
    mask.save(tmp_path / "m.safetensors")
    for saved in (saved_of(network), read_weights(tmp_path / "w.pth", tmp_path / "m.safetensors")):
        audit = audit_weights(saved, Autoencoder(), resolution=resolution)
        assert list(audit.layers) == ["conv.weight", "enc.weight"]
        assert audit.total("weights") == 560
        assert audit.parameters == 560 + 16 + 8 + 16
        assert audit.left_out == {}
        counted = audit.layers["enc.weight"].multiply_adds
        assert counted == (None if resolution is None else 2 * 128)


def test_a_layer_that_its_parent_uses_too_has_no_known_multiply_adds():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.other = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 4, 1)

        def forward(self, images):
            maps = self.conv(images) + functional.conv2d(images, self.conv.weight, padding=1)
            return self.other(maps)

    network = Both()
    audit = audit_weights(saved_of(network), network, resolution=8)
    assert audit.layers["conv.weight"].multiply_adds is None
    assert audit.layers["other.weight"].multiply_adds == 64 * 12
    assert any("conv.weight is also used by the network's own code" in n for n in audit.notes)


def test_parts_of_one_memory_are_parameters_of_their_own():
    memory = torch.ones(12)
    network = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False))
    network[0].weight = nn.Parameter(memory[:6].view(2, 3))
    network[1].weight = nn.Parameter(memory[6:].view(2, 3))
    assert prunable_names(network, "all") == ("0.weight", "1.weight")


def test_a_layer_whose_weight_only_its_parent_uses_is_named_as_unknown():
    class Parent(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)

        def forward(self, images):
            weight = self.first.weight
            return self.last(nn.functional.conv2d(images, weight - weight.mean()))

    network = Parent()
    saved = SavedWeights(path=Path("x"), state=dict(network.state_dict()))
    audit = audit_weights(saved, network, resolution=8)
    assert audit.layers["first.weight"].multiply_adds is None
    assert any("first.weight never runs as a layer" in note for note in audit.notes)


class Altering(nn.Module):
    """Changes the weights of a plain convolution as it runs, in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.conv = nn.Conv2d(3, 8, 3)
        self.register_buffer("mask", torch.ones(8, 3, 3, 3))

    def forward(self, images):
        weight = self.conv.weight
        altered = weight - weight.mean()
        if self.way == "data":
            self.conv.weight.data = altered.detach()
            return self.conv(images)
        if self.way == "in place":
            with torch.no_grad():
                weight.sub_(1.0)
            return self.conv(images)
        if self.way == "and back":
            stored = weight.data
            weight.data = altered.detach()
            maps = self.conv(images)
            weight.data = stored
            return maps
        if self.way == "used":
            altered = weight * self.mask
        return functional.conv2d(images, altered, self.conv.bias)


@pytest.mark.parametrize("way", ["data", "in place", "and back", "function"])
def test_a_network_that_changes_a_layers_weights_is_audited_as_they_act(tmp_path, way):
    network = Altering(way)
    with torch.no_grad():
        network.conv.weight[4:] = 0
    torch.save(network.state_dict(), tmp_path / "w.pth")
    mask = {"conv.weight": network.conv.weight != 0}
    Mask(mask).save(tmp_path / "m.safetensors")
    saved = read_weights(tmp_path / "w.pth", tmp_path / "m.safetensors")
    audit = audit_weights(saved, Altering(way), title="altering", resolution=8)
    layer = audit.layers["conv.weight"]
    assert (layer.nonzero, layer.revived) == (216, 108)
    assert audit.nonzero_parameters == 108 + 8
    assert any("changes these weights as it runs" in note for note in audit.notes)
    assert "108 pruned weights of conv.weight are not zero" in audit.problems
    unseen = audit_weights(saved, Altering(way), title="altering")
    assert any("as they are stored" in note and "--resolution" in note for note in unseen.notes)


@pytest.mark.parametrize("way", ["data", "in place", "and back", "function"])
@pytest.mark.parametrize("others", [1, 200])
def test_a_layer_whose_weights_the_network_changes_is_not_pruned(way, others):
    altering = nn.Sequential(Altering(way), nn.ReLU(), nn.Conv2d(8, others, 1))
    before = {name: tensor.clone() for name, tensor in altering.state_dict().items()}
    state = torch.get_rng_state()
    if others == 1:  # what is changed is most of the weights
        with pytest.raises(ConfigError, match=r"0\.conv\.weight cannot be pruned: the network"):
            prune_module(altering, PruneSettings(keep=0.5))
        assert all(torch.equal(before[n], t) for n, t in altering.state_dict().items())
    else:
        mask = prune_module(altering, PruneSettings(keep=0.5))
        assert list(mask) == ["2.weight"]
        assert torch.equal(before["0.conv.weight"], altering[0].conv.weight)
    assert torch.equal(state, torch.get_rng_state())


class Twins(nn.Module):
    """Two layers of one shape, of which one alone is changed; images of one size alone fit."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.last = nn.Linear(3 * 28 * 28, 2)

    def forward(self, images):
        maps = functional.conv2d(self.first(images), self.second.weight - 1)
        return self.last(maps.flatten(1))


def test_of_layers_of_one_shape_the_changed_one_alone_is_left_out():
    assert prunable_names(Twins(), "all") == ("first.weight", "last.weight")


class Computing(nn.Module):
    """Computes with `hid` itself, by a function of one's choice; `alter` changes it before."""

    def __init__(self, compute, *, alter=True):
        super().__init__()
        self.compute, self.alter = compute, alter
        self.conv, self.hid = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 1)
        self.big = nn.Conv2d(16, 40, 3)

    def forward(self, images):
        maps = torch.relu(self.conv(images))
        weight = self.hid.weight
        self.seen = (weight - weight.mean()).pow(2).sum()  # which computes nothing of the image
        if self.alter:
            weight = weight - weight.mean((1, 2, 3), keepdim=True)
        return self.big(self.compute(self, maps, weight))


COMPUTE = {
    "matmul": lambda _, maps, weight: (maps.movedim(1, -1) @ weight.flatten(1).T).movedim(-1, 1),
    "einsum": lambda _, maps, weight: torch.einsum("oi,bihw->bohw", weight[:, :, 0, 0], maps),
    "unfold": lambda _, maps, weight: (
        weight.reshape(16, 16) @ functional.unfold(maps, 1)
    ).unflatten(2, maps.shape[2:]),
    "plainly too": lambda self, maps, weight: self.hid(maps) + functional.conv2d(maps, weight),
    "one value after the other": lambda _, maps, weight: (
        maps[:, None] * weight[None, :, :, 0, 0, None, None]
    ).sum(2),
}


@pytest.mark.parametrize("compute", COMPUTE.values(), ids=COMPUTE)
@pytest.mark.parametrize("alter", [True, False])
def test_it_does_not_matter_by_which_function_a_network_computes(compute, alter):
    network = Computing(compute, alter=alter)
    assert set(unprunable(network)) == ({"hid.weight"} if alter else set())
    assert ("hid.weight" in prunable_names(network, "all")) is not alter


@pytest.mark.parametrize("side", [48, 16, 299])
def test_a_network_that_takes_one_size_of_images_is_tried_with_it(side):
    class OfOneSize(Altering):
        def forward(self, images):
            if images.shape[2] != side:
                raise KeyError(f"images must be of {side} pixels")
            return super().forward(images)

    assert set(unprunable(OfOneSize("function"))) == {"conv.weight"}


def test_a_network_that_cannot_be_tried_is_told(tmp_path):
    class OfNone(nn.Sequential):
        def forward(self, images):
            raise ZeroDivisionError

    with pytest.warns(UserWarning, match="could not be tried whether"):
        assert ps.prune(OfNone(nn.Conv2d(3, 4, 1)), keep=0.5).survivors == 6


def test_a_network_that_cannot_be_copied_is_told():
    network = Altering("used")
    network.lock = threading.Lock()
    with pytest.warns(UserWarning, match="cannot be copied"):
        assert ps.prune(network, keep=0.5).survivors == 108


@pytest.mark.parametrize("alter", [True, False])
def test_a_padded_weight_is_followed(alter):
    padded = lambda _, maps, weight: functional.conv2d(  # noqa: E731
        maps, functional.pad(weight, (1, 1, 1, 1)), padding=1
    )
    network = Computing(padded, alter=alter)
    assert set(unprunable(network)) == ({"hid.weight"} if alter else set())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_network_with_tensors_of_a_graph_in_it_is_tried():
    network = Computing(COMPUTE["matmul"])
    network.cache = network.conv.weight * 2
    torch.nn.utils.weight_norm(network.big)
    network(torch.zeros(1, 3, 8, 8))
    assert "hid.weight" in unprunable(network)


@pytest.mark.parametrize("network", [Altering("used"), Tied(), Language()])
def test_a_network_of_ones_own_that_uses_its_weights_as_they_are_is_pruned(network):
    assert unprunable(network) == {}


def test_weights_that_a_network_uses_itself_as_they_are_stored_are_not_noted(tmp_path):
    torch.save(Altering("used").state_dict(), tmp_path / "w.pth")
    saved = read_weights(tmp_path / "w.pth")
    audit = audit_weights(saved, Altering("used"), title="altering", resolution=8)
    assert [note for note in audit.notes if "conv.weight" in note] == [
        "conv.weight never runs as a layer, so that its multiply-adds and dead units are not "
        "known, and not in the totals"
    ]


def test_an_audit_names_what_prune_leaves_out(tmp_path):
    network = nn.ModuleDict(
        {"rnn": nn.LSTM(3, 4), "emb": nn.Embedding(5, 3), "fc": nn.Linear(4, 2)}
    )
    torch.save(network.state_dict(), tmp_path / "w.pth")
    saved = read_weights(tmp_path / "w.pth")
    audit = audit_weights(saved, network, title="mixed")
    assert audit.as_dict()["left_out"] == {
        "rnn.weight_ih_l0": 48, "rnn.weight_hh_l0": 64, "emb.weight": 15,
    }  # fmt: skip
    assert "left out, and dense: rnn.weight_ih_l0 (48)" in describe_audit(audit)
    assert "127 in all" in describe_audit(audit)
    assert audit_weights(saved).as_dict()["left_out"] is None
