"""Is whatever a user hands in from Python taken, or refused in words that say what to do?"""

import json
import subprocess
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

import prunescope as ps
from experiment import wrong_calls
from experiment.wrong_calls import NAME, ON, network
from prunescope.base.errors import ConfigError
from prunescope.base.modules import checked_network


@pytest.fixture(scope="module")
def concepts(drawn: Path) -> str:
    return f"broden:{drawn}"


@pytest.fixture(scope="module")
def expected(concepts: str) -> Any:
    return ps.dissect(network(), "layer3", concepts, **ON)["layer3"].units


def compiled() -> nn.Module:
    module = network()
    module.compile(backend="eager")
    return module


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (lambda: nn.DataParallel(network()), "layer3"),
        (lambda: nn.DataParallel(network()), "module.layer3"),
        (lambda: torch.compile(network(), backend="eager"), "_orig_mod.layer3"),
        (lambda: torch.compile(nn.DataParallel(network()), backend="eager"), "layer3"),
        (lambda: nn.DataParallel(torch.compile(network(), backend="eager")), "layer3"),
        (compiled, "layer3"),
        (
            lambda: ps.LoadedNetwork(module=network(), name=NAME, num_classes=10, input=None),
            "layer3",
        ),
    ],
)
def test_a_wrapped_network_is_dissected_as_the_network_inside(
    concepts: str, expected: Any, model: Callable[[], Any], layer: str
) -> None:
    found = ps.dissect(model(), layer, concepts, **ON)
    assert list(found.layers) == ["layer3"]
    assert found["layer3"].units.equals(expected)


@pytest.mark.long
def test_a_compiled_module_inside_a_network_runs_its_own_code(concepts: str, expected: Any) -> None:
    def backend(graph: Any, _: Any) -> Any:
        return lambda *inputs: [output * 0 for output in graph(*inputs)]

    model = network()
    plain = model.layer3
    model.layer3 = torch.compile(plain, backend=backend)  # type: ignore[assignment]
    for layer in ("layer3", plain):
        (found,) = ps.dissect(model, layer, concepts, **ON).layers.values()
        assert found.units.equals(expected)
    images = torch.ones(1, 3, 32, 32)
    with torch.no_grad():  # what was compiled is in its place again
        assert not torch.equal(model(images), network()(images))


def test_what_is_no_layer_is_told_in_one_line(concepts: str) -> None:
    model = network()
    with pytest.raises(ConfigError, match=r"^a layer is a tuple: give its name[^\n]*$"):
        ps.dissect(model, list(model.named_modules()), concepts, **ON)


@pytest.mark.long
def test_a_module_is_taken_for_the_layer_it_is(concepts: str, expected: Any) -> None:
    plain = network()
    for model, layers in (
        (plain, plain.layer3),
        (plain, [plain.layer3]),
        ((wrapped := nn.DataParallel(plain)), wrapped.module.layer3),
    ):
        assert ps.dissect(model, layers, concepts, **ON)["layer3"].units.equals(expected)


@pytest.mark.long
def test_a_name_or_a_file_is_opened_as_the_command_line_does(concepts: str, tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "w.pth")
    loaded = ps.load(NAME, weights=str(tmp_path / "w.pth"), num_classes=np.int64(10))
    expected = ps.dissect(loaded, "layer3", concepts, **ON)["layer3"].units
    with pytest.warns(UserWarning, match="random weights"):
        found = ps.dissect(NAME, "layer3", concepts, **ON)
    assert found["layer3"].units.equals(expected)  # both are random from the same seed


def exported() -> Any:
    return torch.export.export(network(), (torch.zeros(1, 3, 32, 32),))


def scripted() -> Any:
    with warnings.catch_warnings(action="ignore"):  # torch's, that it will go
        return torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3)))


def quantised() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # torch's, that it will go
        return torch.ao.quantization.quantize_dynamic(network(), {nn.Linear})


def fake() -> nn.Module:
    with FakeTensorMode():
        return nn.Conv2d(3, 4, 3)


def stored_as(kind: torch.dtype) -> nn.Module:
    module = network()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        parameter.data = parameter.data.to(kind)
    return module


def packed() -> nn.Module:
    layer = nn.Identity()
    layer.register_buffer("qweight", torch.zeros(4, 4, dtype=torch.int32))
    return nn.Sequential(layer)


def observed() -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # torch's, that it will go
        module = nn.Sequential(nn.Conv2d(3, 4, 3)).train()
        module.qconfig = torch.ao.quantization.get_default_qat_qconfig()  # type: ignore[assignment]
        return torch.ao.quantization.prepare_qat(module)


def sparse() -> nn.Module:
    layer = nn.Linear(4, 4)
    layer.weight = nn.Parameter(torch.eye(4).to_sparse())
    return layer


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: None, "NoneType"),
        (lambda: 3, "int"),
        (lambda: nn.Conv2d, "call it"),
        (network, None),
        (lambda: network, "call it"),
        (lambda: network().state_dict(), "load_state_dict|weights=FILE"),
        (exported, "exported"),
        (lambda: exported().module(), "exported"),
        (scripted, "TorchScript"),
        (quantised, "quantised"),
        (lambda: network().to("meta"), "meta"),
        (fake, "fake"),
        (lambda: nn.LazyConv2d(4, 3), "no shape yet"),
        (lambda: stored_as(torch.float8_e4m3fn), r"conv1.weight \(float8_e4m3fn\)"),
        (lambda: stored_as(torch.float8_e5m2), "quantised.*floating point"),
        (lambda: stored_as(torch.int8), r"quantised, in conv1.weight \(int8\)"),
        (lambda: stored_as(torch.bool), "quantised"),
        (lambda: stored_as(torch.complex64), r"complex \(torch.complex64\).*view_as_real"),
        (packed, r"quantised, in 0.qweight \(int32\)"),
        (observed, "quantised"),
        (sparse, "to_dense"),
        (lambda: nn.Sequential(scripted()), r'layer "0" is scripted'),
        (lambda: OrderedDict(a=1), "is an OrderedDict"),
    ],
)
def test_what_is_no_plain_network_is_refused_with_what_to_give(
    make: Callable[[], Any], words: str | None
) -> None:
    given = make()
    if words is None:
        assert checked_network(given) is given
        return
    with pytest.raises(ConfigError, match=words):
        checked_network(given)


def test_a_function_that_raises_is_told_by_its_own_error_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raising_net.py").write_text("def make():\n    x = 1\n    raise KeyError('depth')\n")
    with pytest.raises(ConfigError, match=r"KeyError: 'depth' \(.*raising_net.py, line 3\)$"):
        ps.load("raising_net:make")
    Path("leaving_net.py").write_text("import sys\n\nsys.exit('no')\n")
    with pytest.raises(ConfigError, match=r"SystemExit: no \(.*leaving_net.py, line 3\)"):
        ps.load("leaving_net:make")


@pytest.fixture(scope="module")
def said(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was said to each wrong call, in a process that does not check annotations first."""
    here = tmp_path_factory.mktemp("wrong")
    done = subprocess.run(
        [sys.executable, Path(wrong_calls.__file__), f"broden:{drawn}"],
        cwd=here, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not list(here.iterdir())
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", wrong_calls.WRONG)
def test_what_is_handed_in_wrongly_is_refused_in_one_line(
    said: dict[str, list[str]], name: str
) -> None:
    kind, words = said[name]
    assert kind in ("ConfigError", "DataError"), words
    assert words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a key of a number", "key is 3: give its name, as a str"),
        ("a mask to audit that is a number", "mask is 3: give a path, as a str or a Path"),
        ("no split", "split is None: give its name, as a str"),
        ("an empty path as data", 'data is ""'),
        ("half a mask size", "mask_size is 2.5, but must be a whole number of 1 or more"),
        ("an unknown precision", "precision is 'x', but must be float32 or bf16"),
        ("masks without units", "masks: missing a required argument: 'units'"),
        ("a plot of as many as a word", "most is 'a', but must be a whole number"),
        ("no study", 'ps.Study.load("recipe.yaml") reads one'),
        ("a study of wrong settings", "the study: name is 3, but must be a text"),
        ("a name to prune", f'ps.load("{NAME}").module'),
        ("a path too long", "longer than file systems take"),
        ("a number of too many digits", "limit is an int of too many digits, but must be smaller"),
        ("one convention", "name two or more"),
    ],
)
def test_what_is_handed_in_wrongly_is_told_with_what_to_give(
    said: dict[str, list[str]], name: str, words: str
) -> None:
    told = said[name][1]
    assert words in told
    assert "--" not in told
    assert len(told) < 600


def test_numbers_of_numpy_and_torch_are_those_of_python(concepts: str, expected: Any) -> None:
    settings = {
        "resolution": np.int64(32),
        "mean": np.full(3, 0.5),
        "std": torch.full((3,), 0.25),
        "quantile": np.float32(0.02),
        "limit": torch.tensor(4),
    }
    found = ps.dissect(network(), np.str_("layer3"), concepts, **settings)
    assert found["layer3"].units.equals(expected)
    kept = [ps.prune(network(), keep=keep).survivors for keep in (0.1, np.float32(0.1))]
    assert kept[0] == kept[1]


@pytest.mark.long
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_in_another_precision_is_taken_by_every_call(
    concepts: str, kind: torch.dtype, drawn: Path
) -> None:
    model, rounded = network().to(kind), network().to(kind).float()
    stated: dict[str, Any] = {"split": "val", "mean": (0.5,) * 3, "std": (0.25,) * 3}
    images = str(drawn / "images")
    assert ps.evaluate(model, images, **stated) == ps.evaluate(rounded, images, **stated)
    units = ps.dissect(model, model.layer3, concepts, **ON)["layer3"].units
    assert units.equals(ps.dissect(rounded, "layer3", concepts, **ON)["layer3"].units)
    two: dict[str, Any] = {"conventions": ["exact", "lite"], **ON}
    tables = [
        ps.conventions(each, concepts, layers=each.layer3, **two).table for each in (model, rounded)
    ]
    assert tables[0].equals(tables[1])
    assert ps.list_layers(model, resolution=32) == ps.list_layers(rounded, resolution=32)
    known = ps.load(NAME, num_classes=10).input
    side, same = (
        ps.LoadedNetwork(module=each, name=NAME, num_classes=10, input=known)
        for each in (model, rounded)
    )
    compared = ps.compare_networks(side, same, layer="layer3", concepts=concepts, limit=4)
    assert set(compared.units["outcome"]) <= {"kept", "neither"}
    assert {parameter.dtype for parameter in model.parameters()} == {kind}


def test_one_number_is_the_mean_of_a_network_of_one_channel(concepts: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3)).eval()
    alone, several = (
        ps.dissect(model, "0", concepts, **{**ON, "mean": mean, "std": std})["0"].units
        for mean, std in ((0.5, np.float32(0.25)), ((0.5,), (0.25,)))
    )
    assert alone.equals(several)


def test_a_wrapped_network_is_pruned_and_kept_under_plain_names() -> None:
    plain, wrapped = network(), nn.DataParallel(network())
    mask, same = ps.prune(plain, keep=0.5), ps.prune(wrapped, keep=0.5)
    assert all(torch.equal(mask[name], same[name]) for name in mask)
    assert list(mask) == list(same)
    fresh = network()
    prefixed = {f"module.{name}": kept for name, kept in mask.items()}
    wrapped = torch.compile(nn.DataParallel(fresh), backend="eager")
    ps.MaskKeeper(wrapped, ps.Mask(prefixed))
    assert not mask.revived(fresh.state_dict())
    assert mask.keep_overall(nn.DataParallel(plain)) == mask.keep_overall(plain)


@pytest.mark.long
def test_what_the_commands_do_can_be_called(concepts: str, drawn: Path, tmp_path: Path) -> None:
    model = network().train()
    layers = ps.list_layers(nn.DataParallel(model), resolution=32)
    assert layers == ps.list_layers(NAME)
    images, stated = str(drawn / "images"), {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    scored = ps.evaluate(model, Path(images), split="val", **stated)
    assert scored == ps.evaluate(
        torch.compile(model, backend="eager"), images, split="val", **stated
    )
    assert model.training
    names = [*scored.per_class][::-1]
    turned = ps.evaluate(model, images, split="val", classes=iter(names), limit=3, **stated)
    assert (turned.images, list(turned.per_class)) == (3, names)
    ps.dissect(model, "layer3", concepts, **ON).save(tmp_path / "D")
    table = ps.export(tmp_path / "D", str(tmp_path / "e.csv"))
    assert len(table) == len(ps.load(tmp_path / "e.csv"))
    found = ps.conventions(
        model, concepts, layers=model.layer3, conventions=["exact", "lite"], **ON
    )
    assert found.table["convention"].tolist() == ["exact", "lite"]
    torch.save(model.state_dict(), tmp_path / "w.pth")
    audited = ps.audit(tmp_path / "w.pth", network=NAME, num_classes=10)
    assert audited.total("multiply_adds") > 0
