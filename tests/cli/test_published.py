"""Do the commands give the published and the expected numbers on real photographs?"""

import json
from pathlib import Path

import pytest

from commands import Prunescope
from expected import check_as_expected
from prunescope.results.dissection import LayerDissection


@pytest.mark.real
@pytest.mark.slow
def test_evaluate_gives_the_published_accuracy(prunescope: Prunescope, shared: Path) -> None:
    weights = shared / "models" / "cifar10_resnet20_foreign.th"
    network = ["cifar_resnet20", "--weights", weights, "--num-classes", 10]
    ended = prunescope("evaluate", *network, "--data", shared / "data" / "cifar10", "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert (printed["images"], printed["split"]) == (10_000, "test")
    assert printed["top1"] == pytest.approx(0.8103, abs=2e-4)  # two photographs


@pytest.mark.real
@pytest.mark.slow
def test_dissect_writes_the_expected_units(
    prunescope: Prunescope, shared: Path, tmp_path: Path
) -> None:
    weights, concepts = (
        shared / "models" / "resnet18_tinyimagenet.pth",
        f"broden:{shared / 'data' / 'minibroden_224'}",
    )
    network = ["torchvision:resnet18", "--weights", weights, "--num-classes", 200]
    layers = ["--layer", "layer4", "--layer", "layer3"]
    ended = prunescope(
        "dissect", *network, *layers, "--concepts", concepts, "--out", tmp_path / "D"
    )
    assert ended.status == 0, ended.err
    for layer in ("layer4", "layer3"):
        table = shared / "data" / "expected" / f"resnet18_tinyimagenet_{layer}.csv"
        check_as_expected(LayerDissection.load(tmp_path / "D" / layer), table)
