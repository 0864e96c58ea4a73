"""Do published weights come from where their library keeps them, or is it said what to do?"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from prunescope.base.errors import ConfigError, DataError, DownloadError
from prunescope.base.tensors import save_tensors
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks.loading import describe_network, load_network
from prunescope.networks.published import fetch, fetch_from_hub
from prunescope.networks.registry import build
from serving import served

HALF = (0.5, 0.5, 0.5)


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's own cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the Hugging Face hub, empty, and no way to the hub itself."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def keep(folder: Path, url: str, content: object) -> None:
    """Put a file where torch would have downloaded it to."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(content, folder / url.rpartition("/")[2])


def keep_on_hub(hub: Path, repository: str, state: dict[str, torch.Tensor]) -> None:
    """Put weights where the hub's client would have downloaded them to."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_tensors(folder / "snapshots" / ("0" * 40) / "model.safetensors", state)


def same(one: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, state[key]) for key, tensor in one.state_dict().items())


@pytest.mark.parametrize("weights", ["DEFAULT", "IMAGENET1K_V1"])
def test_torchvisions_weights_are_read_from_its_cache(torch_home: Path, weights: str) -> None:
    published = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    state = build("torchvision:squeezenet1_1", seed=9).state_dict()
    keep(torch_home, published.url, state)
    loaded = load_network("torchvision:squeezenet1_1", weights=weights)
    assert same(loaded.module, state)
    assert not loaded.module.training
    assert loaded.num_classes == 1000


def test_the_input_is_that_of_the_weights_not_of_the_library(torch_home: Path) -> None:
    named = {"weights": "IMAGENET1K_SWAG_E2E_V1"}
    assert describe_network("torchvision:vit_b_16", **named).input.resolution == 384
    assert describe_network("torchvision:vit_b_16", weights="DEFAULT").input.resolution == 224
    half = describe_network("timm:test_vit", weights="DEFAULT")
    assert half.input == NetworkInput(mean=HALF, std=HALF, resolution=160)
    assert not torch_home.exists(), "nothing is downloaded to know it"


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        ("torchvision:resnet50", "IMAGENET1K_V1", (224, 256)),
        ("torchvision:resnet50", "IMAGENET1K_V2", (224, 232)),
        ("torchvision:inception_v3", "DEFAULT", (299, 342)),
        ("timm:test_vit", "DEFAULT", (160, 168)),  # floor(160 / 0.95)
        ("timm:test_vit,img_size=96", "DEFAULT", (96, 101)),
        ("timm:fastvit_t8", "DEFAULT", (256, 284)),
        ("timm:convnextv2_base", "fcmae_ft_in22k_in1k_384", (384, None)),  # timm squashes
    ],
)
def test_published_weights_say_what_they_are_measured_on(
    name: str, weights: str, expected: tuple[int, int | None]
) -> None:
    found = describe_network(name, weights=weights).measured_on
    assert found is not None
    assert (found.resolution, found.shorter_side) == expected


def test_googlenet_sees_what_torchvisions_own_would(torch_home: Path) -> None:
    """Its published weights want channels less 0.5 over 0.5; its auxiliary heads are dropped."""
    published = torchvision.models.GoogLeNet_Weights.DEFAULT
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        theirs = torchvision.models.googlenet(transform_input=True, init_weights=True).eval()
    keep(torch_home, published.url, theirs.state_dict())
    loaded = load_network("torchvision:googlenet", weights="DEFAULT")
    assert loaded.input == NetworkInput(mean=HALF, std=HALF, resolution=224)
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    shown = published.transforms()
    mean, std = (torch.tensor(values)[:, None, None] for values in (shown.mean, shown.std))
    with torch.inference_mode():
        expected = theirs((pixels - mean) / std)
        torch.testing.assert_close(loaded.module((pixels - 0.5) / 0.5), expected)


@pytest.mark.long
def test_names_and_versions_of_old_files_are_brought_up_to_date(torch_home: Path) -> None:
    network = build("torchvision:densenet121", seed=4)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): tensor
        for key, tensor in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    keep(torch_home, torchvision.models.DenseNet121_Weights.DEFAULT.url, old)
    assert same(
        load_network("torchvision:densenet121", weights="DEFAULT").module, network.state_dict()
    )


@pytest.mark.long
def test_a_network_that_asks_for_the_version_of_a_file_takes_one_without(
    torch_home: Path, tmp_path: Path
) -> None:
    """torchvision's MNASNet refuses a state dict that does not say its version."""
    network = build("torchvision:mnasnet0_5", seed=4)
    state = network.state_dict()
    keep(torch_home, torchvision.models.MNASNet0_5_Weights.DEFAULT.url, state)
    torch.save(dict(state), tmp_path / "net.pth")
    for weights in ("DEFAULT", tmp_path / "net.pth"):
        assert same(load_network("torchvision:mnasnet0_5", weights=weights).module, state)


def test_timms_weights_are_read_from_the_hubs_cache(hub: Path) -> None:
    state = build("timm:test_vit", seed=9).state_dict()
    keep_on_hub(hub, "timm/test_vit.r160_in1k", state)
    for weights in ("DEFAULT", "r160_in1k"):
        loaded = load_network("timm:test_vit", weights=weights)
        assert same(loaded.module, state)
        assert loaded.num_classes == 1000
        assert not loaded.module.training


def test_timm_fits_its_weights_to_another_size_of_images(hub: Path) -> None:
    keep_on_hub(hub, "timm/test_vit.r160_in1k", build("timm:test_vit", seed=9).state_dict())
    loaded = load_network("timm:test_vit,img_size=96", weights="DEFAULT")
    assert loaded.module.pos_embed.shape[1] == 1 + (96 // 16) ** 2
    assert loaded.input.resolution == 96


def test_timms_weights_of_a_url_are_read_from_torchs_cache(torch_home: Path) -> None:
    from timm.models import get_pretrained_cfg

    state = build("timm:legacy_seresnet18", seed=9).state_dict()
    keep(torch_home, get_pretrained_cfg("legacy_seresnet18").url, state)
    assert same(load_network("timm:legacy_seresnet18", weights="in1k").module, state)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("torchvision:resnet50", "IMAGENET1K_V3", r'weights "IMAGENET1K_V3" .did you mean "IMAGE'),
        ("torchvision:resnet50", "imagenet", "it has IMAGENET1K_V1, IMAGENET1K_V2, or DEFAULT"),
        ("torchvision:resnet18,stem=small", "DEFAULT", 'write "torchvision:resnet18"'),
        ("torchvision:resnet81", "DEFAULT", r'"resnet81" .did you mean "resnet18"'),
        ("timm:resnet50", "a1_in2k", r'weights "a1_in2k" .did you mean "a\d+_in1k"'),
        ("timm:test_vit4", "DEFAULT", "nobody publishes weights of timm:test_vit4"),
        ("timm:resnet5O", "DEFAULT", r'no network "resnet5O" .did you mean "resnet50'),
        ("cifar_resnet20", "DEFAULT", "nobody publishes weights of cifar_resnet20"),
        ("cifar_resnet20", "dense", 'and "dense" is no file'),
        ("package.module:factory", "DEFAULT", "nobody publishes weights of package"),
    ],
)
def test_weights_that_nobody_publishes_are_refused(name: str, weights: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_network(name, weights=weights)


def test_another_number_of_classes_is_refused_before_a_download(torch_home: Path) -> None:
    for name in ("torchvision:resnet18", "timm:test_vit"):
        with pytest.raises(ConfigError, match="1000 classes, not 10: leave out --num-classes"):
            load_network(name, weights="DEFAULT", num_classes=10)
    assert not torch_home.exists()


def test_a_text_that_is_a_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = build("cifar_resnet20", seed=9).state_dict()
    for name in ("net.pth", "net"):
        torch.save(state, name)
        assert same(load_network("cifar_resnet20", weights=name).module, state)
    with pytest.raises(DataError, match=r"gone\.pth do not exist"):
        load_network("cifar_resnet20", weights="gone.pth")


def test_nothing_in_a_cached_file_is_executed(torch_home: Path, tmp_path: Path) -> None:
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    keep(torch_home, url, {"classifier": Mischief(tmp_path / "executed")})
    with pytest.raises(DataError, match="loading it would run code"):
        load_network("torchvision:squeezenet1_1", weights="DEFAULT")
    assert not (tmp_path / "executed").exists()


class Mischief:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.path,)


def test_weights_of_another_network_in_the_cache_are_named(torch_home: Path, hub: Path) -> None:
    state = build("torchvision:squeezenet1_0", seed=0).state_dict()
    keep(torch_home, torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url, state)
    with pytest.raises(DataError, match=r"squeezenet1_1-\w+\.pth does not fit the network"):
        load_network("torchvision:squeezenet1_1", weights="DEFAULT")
    keep_on_hub(hub, "timm/test_vit.r160_in1k", build("timm:test_vit2", seed=0).state_dict())
    with pytest.raises(DataError, match=r"model\.safetensors does not fit timm:test_vit"):
        load_network("timm:test_vit", weights="DEFAULT")


def test_a_download_is_kept_and_must_be_what_its_name_says(torch_home: Path) -> None:
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()[:8]
    with served(content) as server:
        for _ in range(2):
            assert fetch(f"{server.address}/net-{digest}.pth").read_bytes() == content
        assert len(server.asked) == 1
        with pytest.raises(DownloadError, match="invalid hash value"):
            fetch(f"{server.address}/net-00000000.pth")
    assert [path.name for path in torch_home.iterdir()] == [f"net-{digest}.pth"]


def test_a_download_that_fails_says_from_where_and_where_to_put_the_file(
    torch_home: Path, hub: Path
) -> None:
    with served(b"") as server:
        address = server.address  # nobody listens there any more
    with pytest.raises(DownloadError) as caught:
        fetch(f"{address}/net-1234abcd.pth")
    assert f"{address}/net-1234abcd.pth" in str(caught.value)
    assert f"put them at {torch_home / 'net-1234abcd.pth'}" in str(caught.value)
    where = r"https://huggingface\.co/timm/test_vit\.r160_in1k/resolve/main/model\.safetensors"
    with pytest.raises(DownloadError, match=rf"{where}.*--weights FILE"):
        fetch_from_hub("timm/test_vit.r160_in1k", ["model.safetensors"])
