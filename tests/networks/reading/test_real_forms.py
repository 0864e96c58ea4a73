"""Is a published network the same network in every form in which people keep it?"""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import prunescope as ps

pytestmark = pytest.mark.real

ALIKE = (
    *("compile.pth", "ddp.pth", "ddp_compile.pth", "fsdp.pth", "half.pth", "hf", "lightning.ckpt"),
    *("model_key.pth", "model_state_dict.pth", "net_key.pth", "sharded", "sparse_coo.pth"),
    *("sparse_csr.pth", "timm_args.pth", "tp_masks.pth", "tp_masks.safetensors"),
    *("tp_masks_wrapped.pth", "tp_removed.pth"),
)
REFUSED = {
    "exported.pt2": "exported program",
    "int8_plain.pth": "quantised",
    "jit.pt": "TorchScript",
    "timm_ema.pth": "2 networks: state_dict .* state_dict_ema",
    "tp_masks_module.pth": "would run code",
    "tv_ema.pth": "2 networks: model .* model_ema",
}


@pytest.fixture(scope="module")
def forms(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = shared / "cases" / "make_foreign.py"
    if not script.is_file():
        pytest.skip(f"{script} is not there")
    out = tmp_path_factory.mktemp("forms")
    subprocess.run([sys.executable, str(script), str(out)], check=True, capture_output=True)
    return out


def logits(path: Path) -> torch.Tensor:
    network = ps.load("cifar_resnet20", weights=path, num_classes=10).module
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found: torch.Tensor = network.eval()(images)
    return found


@pytest.mark.long
def test_every_form_is_the_same_network(forms: Path) -> None:
    expected = logits(forms / "tp_removed.pth")
    written = [name for name in ALIKE if (forms / name).exists()]
    assert len(written) > 15
    for name in written:
        atol = 0.05 if name == "half.pth" else 1e-4
        assert torch.allclose(logits(forms / name), expected, atol=atol), name


def test_what_holds_several_networks_or_none_says_what_to_do(forms: Path) -> None:
    for name, words in REFUSED.items():
        with pytest.raises(ps.DataError, match=words):
            logits(forms / name)
