"""Is what lies at a path opened as what it is?"""

from pathlib import Path

import pandas as pd
import pytest
import torch

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError, DataError
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.experiment.load import load
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.report.comparison import write_comparison
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.run import Run
from prunescope.statistics.compare import compare

BEFORE = make_layer({"red": 200}, {"cat": 200}, {"dog": 100, "blue": 300}, {})
AFTER = make_layer({"red": 100}, {"dog": 200}, {"dog": 90}, {"cat": 400})
TABLE = """\
unit,category,label,score,color-label,color-truth,color-activation,color-intersect,color-iou
1,color,red,0.11,red,1000,1000,200,0.11
"""


@pytest.fixture
def dissection(tmp_path: Path) -> Path:
    Dissection(layers={"layer4": BEFORE}).save(tmp_path / "D")
    return tmp_path / "D"


def test_a_dissection_and_a_layer_of_it(dissection: Path) -> None:
    whole, layer = load(dissection), load(str(dissection / "layer4"))
    assert isinstance(whole, Dissection)
    assert isinstance(layer, LayerDissection)
    assert list(whole.layers) == ["layer4"]
    pd.testing.assert_frame_equal(layer.iou, BEFORE.iou)


@pytest.mark.parametrize("match", ["identity", "concept", "profile"])
def test_a_comparison_is_the_one_that_was_saved(tmp_path: Path, match: str) -> None:
    made = compare(BEFORE, AFTER, match=match)  # type: ignore[arg-type]
    write_comparison(made, tmp_path / "C")
    read = load(tmp_path / "C")
    assert isinstance(read, Comparison)
    assert read.summary() == made.summary()
    assert str(read) == str(made)
    pd.testing.assert_frame_equal(read.units, made.units)
    pd.testing.assert_frame_equal(read.concepts, made.concepts)
    assert list(read.layers) == list(made.layers)


def test_a_comparison_of_runs_is_the_one_that_was_saved(tmp_path: Path) -> None:
    places = [(0, "dense", 0), (0, "lottery", 1), (1, "dense", 0), (1, "lottery", 1)]
    runs = [
        save_run(tmp_path / name, {place: [layer] for place in places})
        for name, layer in (("a", BEFORE), ("b", AFTER))
    ]
    made = compare(*runs)
    write_comparison(made, tmp_path / "C")
    read = load(tmp_path / "C")
    assert isinstance(read, RunComparison)
    assert read.summary() == made.summary()
    for name in ("levels", "units", "concepts"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(made, name))


def test_a_concept_called_null_is_not_lost(tmp_path: Path) -> None:
    made = compare(BEFORE, AFTER)
    made.layers["layer4"].concepts.loc[0, "concept"] = "null"  # type: ignore[union-attr]
    write_comparison(made, tmp_path / "C")
    read = load(tmp_path / "C")
    assert isinstance(read, Comparison)
    assert read.concepts["concept"].tolist()[0] == "null"


def test_a_damaged_comparison_is_named(tmp_path: Path) -> None:
    write_comparison(compare(BEFORE, AFTER), tmp_path / "C")
    (tmp_path / "C" / "summary.json").write_text('{"iou": 0.05}')
    with pytest.raises(DataError, match="is not what `compare --out` writes"):
        load(tmp_path / "C")


def test_a_run_by_its_tables_and_levels(tmp_path: Path) -> None:
    levels = {(0, "dense", 0): [BEFORE], (0, "lottery", 1): [AFTER]}
    run = load(save_run(tmp_path / "run", levels))
    assert isinstance(run, Run)
    assert run.name == "tiny"
    assert run.levels["interpretable"].tolist() == [3, 3]
    assert len(run.units) == 8


def test_a_result_table(tmp_path: Path) -> None:
    (tmp_path / "resnet.csv").write_text(TABLE)
    units = load(tmp_path / "resnet.csv")
    assert isinstance(units, pd.DataFrame)
    assert units["concept"].tolist() == ["red"]
    assert units["unit"].tolist() == [0]


def test_networks_by_name_by_weights_and_by_a_file_that_knows_its_own(tmp_path: Path) -> None:
    dense = tmp_path / "dense.pth"
    state = build("cifar_resnet20,width=0.25", num_classes=3, seed=4).state_dict()
    torch.save(state, dense)
    name = "cifar_resnet20,width=0.25"
    network = load(name, weights=str(dense), num_classes=3)
    assert isinstance(network, LoadedNetwork)
    assert torch.equal(network.module.state_dict()["conv1.weight"], state["conv1.weight"])
    pruned = prune_saved(name, PruneSettings(keep=0.5), weights=dense, num_classes=3)
    small, _ = write_weights(
        tmp_path / "small.safetensors", pruned.network, pruned.mask, "prunescope"
    )
    opened = load(small)
    assert isinstance(opened, LoadedNetwork)
    assert opened.num_classes == 3
    with pytest.raises(ConfigError, match="does not say of which network"):
        load(dense)
    with pytest.raises(ConfigError, match="is there already"):
        load(dense, num_classes=3)


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("cifar_resnt20", ConfigError, 'did you mean "cifar_resnet20"'),
        ("DD/layer4", DataError, "DD/layer4 does not exist"),
        ("D/layr4", DataError, r'D/layr4 does not exist \(did you mean "layer4"'),
        ("table.csv", DataError, "table.csv does not exist"),
        (
            ".",
            DataError,
            "folder of no run, level, dissection, layer, comparison, evaluation or ablation",
        ),
        ("words.txt", DataError, "no table of units"),
        ("shards", ConfigError, r'does not say of which network: load\("[^"]+", weights="shards"'),
        ("/dev/null", DataError, "/dev/null is a device, but must be a file"),
    ],
)
def test_what_is_nothing_is_refused(
    dissection: Path, monkeypatch: pytest.MonkeyPatch, path: str, error: type, words: str
) -> None:
    monkeypatch.chdir(dissection.parent)
    Path("words.txt").write_text("word\nanother\n")
    Path("shards").mkdir()
    Path("shards/model.safetensors.index.json").write_text("{}")
    with pytest.raises(error, match=words):
        load(path)
