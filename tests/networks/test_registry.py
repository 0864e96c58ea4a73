"""Does a name give the network it says, the same one for the same seed, or a clear refusal?"""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import torchvision
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.imaging.network_input import NetworkInput
from prunescope.networks.registry import build, module_input, network_input

FACTORY = """
from torch import nn

def plain(width=3):
    return nn.Linear(width, 2)

def counted(num_classes, *, name="x", bias=True):
    network = nn.Linear(4, num_classes, bias=bias)
    network.label = name
    return network

def anything(**options):
    from prunescope_test_helper import head
    return head(options["num_classes"])

def wrong():
    return "not a module"

number = 3
"""


@pytest.fixture
def factory(tmp_path, monkeypatch):
    """A module of factories in the current directory, which is not on Python's path."""
    (tmp_path / "prunescope_test_factory.py").write_text(FACTORY)
    (tmp_path / "prunescope_test_broken.py").write_text("1 / 0\n")
    helper = "from torch import nn\n\ndef head(classes):\n    return nn.Linear(1, classes)\n"
    (tmp_path / "prunescope_test_helper.py").write_text(helper)
    monkeypatch.chdir(tmp_path)
    yield "prunescope_test_factory"
    for name in ("factory", "helper"):
        sys.modules.pop(f"prunescope_test_{name}", None)


def same(one: nn.Module, other: nn.Module) -> bool:
    others = other.state_dict()
    return all(torch.equal(tensor, others[key]) for key, tensor in one.state_dict().items())


@pytest.mark.parametrize(
    "name", ["cifar_resnet20", "torchvision:resnet18,stem=small", "timm:test_vit"]
)
def test_weights_come_from_the_seed_alone(name):
    first = build(name, num_classes=4, seed=1)
    torch.manual_seed(99)
    assert same(first, build(name, num_classes=4, seed=1))
    assert not same(first, build(name, num_classes=4, seed=2))


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    build("cifar_resnet20", num_classes=4, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "classes"), [("cifar_resnet20", 10), ("torchvision:squeezenet1_1", 1000)]
)
def test_without_a_number_of_classes_a_network_has_its_own(name, classes):
    assert build(name, seed=0).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, classes)


def test_a_width_is_read_from_the_name():
    assert build("cifar_resnet20, width=1.5", num_classes=2, seed=0).conv1.out_channels == 24


def test_the_small_stem_keeps_the_size_of_a_small_image():
    network = build("torchvision:resnet18,stem=small", num_classes=5, seed=0).eval()
    maps = []
    network.layer1.register_forward_hook(lambda module, given, result: maps.append(result))
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 5)
    assert maps[0].shape == (1, 64, 32, 32)


def test_the_standard_stem_is_torchvisions():
    network = build("torchvision:resnet18", num_classes=5, seed=0)
    assert network.conv1.kernel_size == (7, 7)
    assert isinstance(network.maxpool, nn.MaxPool2d)


def test_googlenet_has_one_output_in_training_too():
    network = build("torchvision:googlenet", num_classes=3, seed=0)
    assert network.train()(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


def test_torchvision_and_cifar_networks_say_what_they_expect_to_see():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    at_224 = NetworkInput(mean=mean, std=std, resolution=224)
    assert network_input("torchvision:resnet50,stem=small") == at_224
    assert network_input("cifar_resnet20,width=2") == NetworkInput(
        mean=mean, std=std, resolution=32
    )
    assert network_input("package.module:factory") is None


def test_timms_networks_take_arguments_of_their_own():
    network = build("timm:test_vit,img_size=64,num_heads=4", num_classes=5, seed=0).eval()
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 5)
    assert network.blocks[0].attn.num_heads == 4
    assert build("timm:test_resnet", seed=0).num_classes == 1000


def test_timms_networks_say_what_they_expect_to_see():
    half = (0.5, 0.5, 0.5)
    at_160 = NetworkInput(mean=half, std=half, resolution=160)
    assert network_input("timm:test_vit") == at_160
    assert network_input("timm:test_vit,img_size=64") == replace(at_160, resolution=64)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    without_weights = NetworkInput(mean=mean, std=std, resolution=224)
    assert network_input("timm:cspresnet50d").resolution == 256
    assert network_input("timm:resnet50") == without_weights


class _OfTimm(nn.Module):
    __module__ = "timm.models.anything"
    pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": [0.2, 0.2, 0.2], "input_size": (3, 288, 288)}  # noqa: RUF012


def test_a_module_of_a_library_says_what_it_expects_to_see():
    assert module_input(torchvision.models.squeezenet1_1()) == network_input(
        "torchvision:squeezenet1_1"
    )
    assert module_input(_OfTimm()) == NetworkInput(
        mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), resolution=288
    )
    at_64 = build("timm:test_vit,img_size=64", seed=0)
    assert module_input(at_64) == network_input("timm:test_vit,img_size=64")
    assert module_input(nn.Conv2d(3, 1, 1)) is None


@pytest.mark.long
def test_a_library_is_imported_only_for_its_own_networks():
    program = (
        "import sys; from prunescope.networks.loading import load_network;"
        "from prunescope.networks.registry import network_input;"
        "load_network('cifar_resnet20'); network_input('torchvision:resnet18');"
        "print([name for name in ('torchvision', 'timm') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_factory_in_the_current_directory_is_called_with_its_values(factory):
    path = list(sys.path)
    network = build(f"{factory}:counted,name=resnet,bias=False", num_classes=6, seed=0)
    assert (network.out_features, network.bias, network.label) == (6, None, "resnet")
    assert sys.path == path


def test_a_factory_that_takes_no_number_of_classes_gets_none(factory):
    assert build(f"{factory}:plain,width=5", num_classes=6, seed=0).in_features == 5


def test_a_factory_may_take_anything_and_import_late(factory):
    assert build(f"{factory}:anything", num_classes=6, seed=0).out_features == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}:wrong", "returned str, not a torch.nn.Module"),
        ("{}:number", "number of .* is an int, but must be a function"),
        ("{}:plian", r'no function "plian" .did you mean "plain"'),
        ("{}:plain,wide=3", "does not fit its factory.*wide"),
        ("{}:counted", "does not fit its factory.*num_classes"),
        ("prunescope_test_absent:net", "failed: ModuleNotFoundError.*prunescope_test_absent"),
        ("prunescope_test_broken:net", "failed: ZeroDivisionError"),
    ],
)
def test_a_factory_that_cannot_serve_is_refused_with_the_reason(factory, name, message):
    with pytest.raises(ConfigError, match=message):
        build(name.format(factory), seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar_resnet21", r'"cifar_resnet21" is not a network .did you mean "cifar_resnet'),
        ("resnet18", '"resnet18" is not a network.*torchvision:resnet18'),
        ("", "is not a network"),
        ("torchvision:resnet19", r'no classification network "resnet19" .did you mean "resnet1'),
        ("torchvision:fcn_resnet50", "no classification network"),
        ("torchvision:resnet18,stem=tiny", 'stem is "tiny"'),
        ("torchvision:resnet18,stam=small", r'no option "stam" .did you mean "stem"'),
        ("torchvision:resnet18,width=2", 'no option "width"'),
        ("torchvision:squeezenet1_1,stem=small", "stem=small is for ResNets"),
        ("timm:convnext_ato", r'timm has no network "convnext_ato" .did you mean "convnext_atto"'),
        ("timm:qqqqqqqq", r"timm.list_models\(\) shows all"),
        ("timm:resnet50.a1_in1k", 'write "timm:resnet50" and --weights a1_in1k'),
        ("timm:test_vit,imgsize=64", "timm refuses .*imgsize"),
        ("timm:test_vit,num_heads=7", "timm refuses .*num_heads"),
        ("timm:test_vit,pretrained=True", "cannot take pretrained: give --weights DEFAULT"),
        ("timm:test_vit,checkpoint_path=x.pth", "cannot take checkpoint_path: give --weights FILE"),
        ("cifar_resnet20,width=0", 'width is "0"'),
        ("cifar_resnet20,width=0.03", 'width is "0.03"'),
        ("cifar_resnet20,width=wide", 'width is "wide"'),
        ("cifar_resnet20,width=65", 'width is "65" .* from 1/16 to 64'),
        ("cifar_resnet20,width=1e2", 'width is "1e2" .* written as 0.5 or 2'),
        ("cifar_resnet20,width=1000000000", 'width is "1000000000" .* from 1/16 to 64'),
        (f"cifar_resnet20,width={'9' * 400}", 'width is "999*…" .* from 1/16 to 64'),
        ("cifar_resnet20,width", '"width" .* is not of the form key=value'),
        ("cifar_resnet20,width=1,width=2", "gives width twice"),
    ],
)
def test_a_wrong_name_or_option_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        build(name, num_classes=10, seed=0)


def test_fewer_than_one_class_is_refused():
    with pytest.raises(ConfigError, match="number of classes is 0"):
        build("cifar_resnet20", num_classes=0, seed=0)
