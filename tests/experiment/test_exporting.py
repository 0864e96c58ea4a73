"""Does an exported network compute elsewhere what it computes here?"""

import json
import sys

import numpy as np
import pytest
import torch

from prunescope.base.errors import ConfigError
from prunescope.experiment import exporting
from prunescope.experiment.exporting import export_network
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build
from prunescope.pruning.filters.files import prune_loaded
from prunescope.pruning.settings import PruneSettings

NAME = "cifar_resnet20,width=0.25"


@pytest.fixture(scope="module")
def small():
    loaded = load_network(NAME, num_classes=4)
    return prune_loaded(loaded, PruneSettings(keep=0.5, structure="filters")).network


def test_a_state_dict_is_plain_and_loads_by_its_shapes(small, tmp_path):
    facts = export_network(small, tmp_path / "small.pth", "state-dict")
    state = torch.load(tmp_path / "small.pth", weights_only=True)
    assert type(state) is dict
    assert all(torch.equal(state[name], each) for name, each in small.module.state_dict().items())
    assert facts["bytes"] == (tmp_path / "small.pth").stat().st_size
    again = load_network(NAME, weights=tmp_path / "small.pth", num_classes=4)
    assert again.unnumbered


@pytest.mark.long
def test_onnxruntime_computes_what_torch_does(small, tmp_path):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    facts = export_network(small, tmp_path / "small.onnx", "onnx")
    assert facts["input"] == ["batch", 3, 32, 32]
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    (computed,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        expected = small.module(images).numpy()
    assert np.abs(computed - expected).max() <= 1e-4 * np.abs(expected).max()
    kept = {entry.key: entry.value for entry in onnx.load(tmp_path / "small.onnx").metadata_props}
    stated = json.loads(kept["prunescope"])
    assert (stated["network"], stated["resolution"]) == (NAME, 32)
    assert len(stated["units"]["layers"]) == len(small.units)


@pytest.mark.long
def test_a_wrong_export_is_not_written(small, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    other = build(NAME, num_classes=4, seed=5).eval()
    exported = exporting._exported
    monkeypatch.setattr(exporting, "_exported", lambda _, images: exported(other, images))
    with pytest.raises(ConfigError, match="onnxruntime computes something else"):
        export_network(small, tmp_path / "small.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_its_installation_is_advised(small, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'prunescope\[onnx\]'"):
        export_network(small, tmp_path / "small.onnx", "onnx")


@pytest.mark.parametrize("out", ["small.onnx", "small", "small.safetensors"])
def test_the_ending_says_what_is_written(small, tmp_path, out):
    with pytest.raises(ConfigError, match=r"writes a file \*\.pth or \*\.pt"):
        export_network(small, tmp_path / out, "state-dict")


def test_torch_pruning_and_onnx_are_imported_only_when_needed():
    import subprocess

    code = (
        "import sys, prunescope as ps; ps.prune, ps.load, ps.audit; "
        "print([m for m in ('torch_pruning', 'onnx', 'onnxruntime') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
