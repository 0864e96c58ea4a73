"""Does every form of a network's weights load as what the network computed with?"""

import json
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from networks.reading.forms import (
    LIVE,
    WRAPPED,
    Times,
    pruned,
    small,
    sparsified,
    write_hub_folder,
    write_shards,
)
from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.loading import load_network
from prunescope.networks.weights import load_weights
from prunescope.pruning.saved import read_weights


def shown(network: nn.Module) -> Tensor:
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    inner = network
    while isinstance(inner, nn.ModuleDict):
        inner = next(iter(inner.values()))
    with torch.no_grad():
        return getattr(inner, "_orig_mod", inner).eval()(images)


def loaded(path: Path, key: str | None = None) -> Tensor:
    network = small()
    load_weights(network, path, key)
    return shown(network)


def unwrapped(network: nn.Module) -> nn.Module:
    for name in ("module", "_orig_mod"):
        network = getattr(network, name, network)
    return network


@pytest.mark.long
@pytest.mark.parametrize("form", LIVE)
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_plain_network_computes_what_the_live_one_does(
    tmp_path: Path, form: str, ending: str
) -> None:
    network = LIVE[form]()
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    path = tmp_path / f"net.{ending}"
    if ending == "pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(state, path)
    expected = shown(unwrapped(unwrapped(unwrapped(network))))
    assert torch.allclose(loaded(path), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", WRAPPED)
def test_whatever_is_around_the_state_dict_is_seen_through(tmp_path: Path, form: str) -> None:
    for live in (small(), pruned()):
        with warnings.catch_warnings(action="ignore"):
            torch.save(WRAPPED[form](live.state_dict()), tmp_path / "net.pth")
        assert torch.equal(loaded(tmp_path / "net.pth"), shown(live))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(tmp_path: Path, dtype: torch.dtype) -> None:
    expected = small().to(dtype).float()
    torch.save(small().to(dtype).state_dict(), tmp_path / "net.pth")
    assert torch.equal(loaded(tmp_path / "net.pth"), shown(expected))


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_a_hub_folder_and_shards_are_read(tmp_path: Path, form: str) -> None:
    expected = shown(pruned())
    index = write_shards(tmp_path / "sharded", pruned().state_dict(), form=form)
    assert torch.equal(loaded(index), expected)
    assert torch.equal(loaded(index.parent), expected)
    folder = write_hub_folder(tmp_path / "hub", pruned().state_dict(), {"architectures": ["A"]})
    assert torch.equal(loaded(folder), expected)


MASKED = {
    "torch masks": ("0.weight", "6.weight"),
    "torch masks, twice on one layer": ("0.weight",),
    "a mask in forward": ("0.weight",),
    "a parametrization by a mask": ("0.weight", "6.weight"),
    "two masks on one weight": ("0.weight",),
    "weight_norm under a mask": ("0.weight",),
    "weight_norm, the older, its direction pruned": ("0.weight",),
    "spectral_norm under a mask": ("0.weight",),
    "DataParallel of torch.compile": ("0.weight", "6.weight"),
    "inside another, by two names": ("0.weight", "6.weight"),
    "plain": (),
    "torch masks, removed": (),
    "torch.ao.pruning, squashed": (),
    "weight_norm": (),
    "spectral_norm": (),
}


@pytest.mark.parametrize("form", MASKED)
def test_the_mask_in_a_file_is_the_one_that_acted(tmp_path: Path, form: str) -> None:
    network = LIVE[form]()
    torch.save(network.state_dict(), tmp_path / "net.pth")
    saved = read_weights(tmp_path / "net.pth").named_as_in(small().state_dict())
    assert tuple(saved.mask or ()) == MASKED[form]
    for name, kept in (saved.mask or {}).items():
        assert torch.equal(kept, saved.state[name] != 0)
        assert 0 < int(kept.sum()) < kept.numel()


def test_a_network_that_has_the_parts_itself_loads_them_as_they_are(tmp_path: Path) -> None:
    for form in ("weight_norm", "spectral_norm", "torch masks", "a parametrization by a mask"):
        live = LIVE[form]()
        with torch.no_grad():
            live[0].bias += 1
        torch.save({"state_dict": live.state_dict()}, tmp_path / "net.pth")
        network = LIVE[form]()
        load_weights(network, tmp_path / "net.pth")
        assert torch.equal(shown(network), shown(live))


def test_a_parametrization_that_nobody_knows_is_refused_with_the_cure(tmp_path: Path) -> None:
    network = small()
    torch.nn.utils.parametrizations.orthogonal(network[6])
    torch.save(network.state_dict(), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"6\.weight is stored as .*remove_parametrizations"):
        loaded(tmp_path / "net.pth")


def test_a_sparsifier_that_keeps_its_masks_elsewhere_is_refused_with_the_cure(
    tmp_path: Path,
) -> None:
    torch.save(sparsified(squashed=False).state_dict(), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"6\.weight is stored as original, .*squash_mask\(\)"):
        loaded(tmp_path / "net.pth")
    state = sparsified(squashed=False).state_dict() | {
        "6.parametrizations.weight.0.mask": small()[6].weight.abs() > 0.05  # as it was once saved
    }
    torch.save(state, tmp_path / "net.pth")
    assert read_weights(tmp_path / "net.pth").mask is not None


def test_a_spectral_norm_whose_axis_cannot_be_told_is_refused(tmp_path: Path) -> None:
    network = small()
    torch.nn.utils.parametrizations.spectral_norm(network[3])  # of 6 channels in and out
    torch.save(network.state_dict(), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"3\.weight is under spectral_norm.*cannot be known"):
        loaded(tmp_path / "net.pth")


def test_a_mask_that_is_not_of_zeros_and_ones_is_no_mask(tmp_path: Path) -> None:
    network = small()
    soft = torch.full_like(network[0].weight, 0.5)
    torch.nn.utils.parametrize.register_parametrization(network[0], "weight", Times(soft))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"net\.pth is not a mask: 0\.weight holds values"):
        loaded(tmp_path / "net.pth")


def test_an_openlth_network_computes_with_its_masks(tmp_path: Path) -> None:
    """Its files hold weights that only its forward pass masks."""
    network, masked = small(), small()
    kept = network[0].weight.abs() > 0.1
    with torch.no_grad():
        masked[0].weight *= kept
    torch.save(network.state_dict(), tmp_path / "model_ep2_it0.pth")
    torch.save({"0.weight": kept.int()}, tmp_path / "mask.pth")
    assert torch.equal(loaded(tmp_path / "model_ep2_it0.pth"), shown(masked))
    form = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"model_state_dict": form | {"mask_0___weight": kept.float()}}, tmp_path / "c.pth")
    assert torch.equal(loaded(tmp_path / "c.pth"), shown(masked))


def test_a_hub_folder_of_timm_says_its_network(tmp_path: Path) -> None:
    import timm

    network = timm.create_model("resnet10t", num_classes=3, act_layer="gelu")
    stated = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "input_size": [3, 64, 64]}
    config = {"architecture": "resnet10t", "num_classes": 3, "pretrained_cfg": stated}
    config["model_args"] = {"pretrained": True, "checkpoint_path": "evil", "act_layer": "gelu"}
    folder = write_hub_folder(tmp_path / "hub", network.state_dict(), config)
    found = load_network(str(folder))
    assert (found.name, found.num_classes) == ("timm:resnet10t,act_layer=gelu", 3)
    assert isinstance(found.module.act1, type(network.act1))
    assert found.input is not None
    assert (found.input.mean, found.input.resolution) == ((0.1, 0.2, 0.3), 64)
    assert torch.equal(found.module.fc.weight, network.fc.weight)


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["ResNetForImageClassification"], "auto_map": {"AutoModel": "os.system"}},
        {"architecture": "os:system"},
        {"architecture": "resnet20"},
        {},
    ],
)
def test_a_hub_folder_of_no_library_network_asks_for_its_name(
    tmp_path: Path, config: object
) -> None:
    folder = write_hub_folder(tmp_path / "hub", small().state_dict(), config)
    with pytest.raises(DataError, match=r"does not say which network .*--weights"):
        load_network(str(folder))


def _spoiled(index: Path, name: str, shard: object) -> None:
    values = json.loads(index.read_text())
    values["weight_map"][name] = shard
    index.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("shard", "said"),
    [
        ("../outside.safetensors", "not the name of a file beside it"),
        ("/etc/passwd", "not the name of a file beside it"),
        ("..", "not the name of a file beside it"),
        ("", "not the name of a file beside it"),
        (7, "not the name of a file beside it"),
        ("link.safetensors", "which is a link"),
        ("model-00003-of-00003.safetensors", r"model-00003-of-00003\.safetensors is not in"),
        ("model-00002-of-00002.safetensors", r"lacks 0\.weight"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, shard: object, said: str) -> None:
    index = write_shards(tmp_path / "sharded", small().state_dict())
    save_file(small().state_dict(), tmp_path / "outside.safetensors")
    (index.parent / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    _spoiled(index, "0.weight", shard)
    with pytest.raises(DataError, match=said):
        loaded(index.parent)


def test_a_link_of_the_hubs_cache_is_followed(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    index = write_shards(snapshot, small().state_dict())
    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir()
    for number, shard in enumerate(sorted(snapshot.glob("*.safetensors"))):
        shard.rename(blobs / str(number))
        shard.symlink_to(Path("..", "..", "blobs", str(number)))
    assert torch.equal(loaded(index.parent), shown(small()))


def test_an_index_without_a_map_is_damaged(tmp_path: Path) -> None:
    index = write_shards(tmp_path / "sharded", small().state_dict())
    for text in ("[", "{}", '{"weight_map": []}', '{"weight_map": {}}', "[" * 100_000):
        index.write_text(text)
        with pytest.raises(DataError, match=r"index\.json is damaged"):
            loaded(index)


def test_weights_that_are_not_finite_enter_no_network(tmp_path: Path) -> None:
    for name, value in (
        ("0.weight", torch.nan),
        ("0.bias", torch.inf),
        ("1.running_var", torch.nan),
        ("0.weight", 1e300),  # of float64, and infinite in the network's float32
    ):
        state = {
            n: t.double() if t.is_floating_point() else t for n, t in small().state_dict().items()
        }
        state[name].view(-1)[0] = value
        torch.save(state, tmp_path / "net.pth")
        with pytest.raises(DataError, match=rf"{name} holds a value that is not finite"):
            loaded(tmp_path / "net.pth")


def test_a_buffer_that_a_network_has_infinite_may_be_so(tmp_path: Path) -> None:
    network = small()
    network.register_buffer("causal", torch.tensor([0.0, -torch.inf]))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    load_weights(network, tmp_path / "net.pth")


def test_a_key_beside_published_weights_or_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="--key model"):
        load_network("cifar_resnet20", key="model")
