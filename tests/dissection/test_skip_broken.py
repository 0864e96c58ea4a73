"""Are broken images left out of every number, as if the set had never had them?"""

import importlib.util
import json
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import prunescope as ps
from concepts.broken import (
    IMAGES,
    MAP_FAULTS,
    PICTURE_FAULTS,
    copied,
    cut,
    write_broden,
    write_masks,
)
from painted import PaintedSet
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.ranks import Ranks
from prunescope.concepts import open_concepts
from prunescope.dissection.chance.more import draw_more
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.report.pages.dissection import report_dissection
from prunescope.results.dissection import Dissection, LayerDissection
from ranks import in_parallel

BROKEN = 7  # of the pictures, a JPEG
USED = {
    **{"resolution": 8, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
    **{"quantile": 0.03, "batch_size": 16, "arithmetic": "plain"},
}
EVERYTHING = {"null": 4, "quantiles": (0.1,), "examples": 3}


@pytest.fixture(scope="module")
def broden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_broden(tmp_path_factory.mktemp("sets") / "broden")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_broden(tmp_path_factory.mktemp("sets") / "broden", without=[BROKEN])


@pytest.fixture(scope="module")
def expected(sound: Path, network: nn.Module) -> LayerDissection:
    return ps.dissect(network, "0", f"broden:{sound}", **USED, **EVERYTHING)["0"]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Three units of 4 x 4 cells, each a colour of every other pixel, exactly."""
    seen = nn.Conv2d(3, 3, 1, stride=2, bias=False)
    with torch.no_grad():
        seen.weight.copy_(torch.diag(torch.tensor([1.0, 2.0, 0.5]))[..., None, None])
    return nn.Sequential(seen, nn.ReLU())


def check_same(found: LayerDissection, expected: LayerDissection) -> None:
    """Compare every number of two dissections, but which images were left out."""
    for name in ("intersection", "activation", "truth", "thresholds"):
        assert np.array_equal(getattr(found.overlap, name), getattr(expected.overlap, name)), name
    for name in ("units", "examples", "images", "borderline", "peaks", "quantiles"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), obj=name)
    stated = dict(found.summary)
    stated.pop("left_out")
    assert stated == dict(expected.summary)


def spoilt(broden: Path, to: Path, fault: str, path: str) -> str:
    faults = MAP_FAULTS if "maps" in path else PICTURE_FAULTS
    faults[fault](copied(broden, to) / "images" / path)
    return f"broden:{to}"


@pytest.mark.parametrize(
    ("path", "fault"), [("maps/007_color.png", "flipped"), ("007.jpg", "missing")]
)
def test_it_is_as_if_the_broken_image_had_never_been_there(
    tmp_path, broden, expected, network, path, fault
):
    name = spoilt(broden, tmp_path / "broden", fault, path)
    found = ps.dissect(network, "0", name, skip_broken=True, **USED, **EVERYTHING)["0"]
    check_same(found, expected)
    (left_out,) = found.summary["left_out"]
    assert left_out["image"] == "007.jpg"
    assert f"images/{path} " in left_out["reason"]
    assert str(tmp_path) not in left_out["reason"]
    with pytest.raises(DataError, match=rf"{path} .*--skip-broken .*skip_broken: true"):
        ps.dissect(network, "0", name, **USED)


def test_a_naive_oracle_counts_the_same(tmp_path, broden, sound, network):
    path = Path(__file__).parent.parent / "oracle" / "dissection.py"
    spec = importlib.util.spec_from_file_location("oracle_without_broken", path)
    oracle = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = oracle  # its dataclasses look their module up
    spec.loader.exec_module(oracle)
    concepts = open_concepts(f"broden:{sound}")
    pictures = [np.asarray(concepts.read_image(index)) for index in range(IMAGES - 1)]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        activations = network(pixels).numpy()
    counted = oracle.dissect(activations, oracle.read_broden(sound), quantile=USED["quantile"])
    name = spoilt(broden, tmp_path / "broden", "flipped", "maps/007_object.png")
    overlap = ps.dissect(network, "0", name, skip_broken=True, **USED)["0"].overlap
    for name in ("thresholds", "intersection", "activation", "truth"):
        assert np.array_equal(getattr(overlap, name), getattr(counted, name)), name
    assert counted.intersection.any()


@pytest.mark.parametrize("mask_size", [None, 3])
def test_a_folder_of_masks_is_as_if_the_image_had_never_been_there(tmp_path, network, mask_size):
    whole = write_masks(tmp_path / "whole/set")
    never = write_masks(tmp_path / "never/set", without=[9])
    (whole / "images/a/009.png").unlink()
    used = USED | {"mask_size": mask_size}
    found = ps.dissect(network, "0", f"masks:{whole}", skip_broken=True, **used, quantiles=(0.1,))
    expected = ps.dissect(network, "0", f"masks:{never}", **used, quantiles=(0.1,))
    check_same(found["0"], expected["0"])
    assert found["0"].summary["left_out"][0]["image"].startswith("a/009")
    with pytest.raises(DataError, match="009"):
        ps.dissect(network, "0", f"masks:{whole}", **used)


def test_more_than_one_percent_is_refused_by_number_and_name(tmp_path, broden, network):
    root = copied(broden, tmp_path / "broden")
    for number in (3, 90):
        cut(root / f"images/maps/{number:03}_color.png")
    words = r"more than 1 % of the 120 images of broden:.* \(2 of the first 91\), such as 090\.png"
    with pytest.raises(DataError, match=words):
        ps.dissect(network, "0", f"broden:{root}", skip_broken=True, **USED)


def test_a_sound_set_gives_the_same_result_and_says_nothing(sound, expected, network):
    found = ps.dissect(network, "0", f"broden:{sound}", skip_broken=True, **USED, **EVERYTHING)
    assert dict(found["0"].summary) == dict(expected.summary)
    assert "left out" not in repr(found)


def test_a_set_in_memory_must_say_what_a_part_of_it_is(network):
    concepts = PaintedSet(
        pictures=(np.zeros((8, 8, 3), np.uint8),), annotations=(), labels=(), categories=()
    )
    with pytest.raises(ConfigError, match="PaintedSet, which has no method part"):
        ps.dissect(network, "0", concepts, skip_broken=True, **USED)


def test_processes_that_share_the_images_leave_the_same_ones_out(
    tmp_path, broden, expected, network
):
    name = spoilt(broden, tmp_path / "broden", "missing", "maps/007_color.png")
    used = DissectionSettings(layers=("0",), skip_broken=True, **USED, **EVERYTHING)

    def dissect(ranks: Ranks) -> LayerDissection:
        concepts = open_concepts(name, skip_broken=True)
        return dissect_layers(used, deepcopy(network), concepts, ranks=ranks)["0"]

    for found in in_parallel(dissect, 2):
        check_same(found, expected)


def test_processes_with_other_files_are_told_so(tmp_path, broden, network):
    names = [
        spoilt(broden, tmp_path / path[:3] / "broden", "missing", f"maps/{path}.png")
        for path in ("007_color", "011_color")
    ]
    used = DissectionSettings(layers=("0",), skip_broken=True, **USED)

    def dissect(ranks: Ranks) -> None:
        concepts = open_concepts(names[ranks.rank], skip_broken=True)
        dissect_layers(used, deepcopy(network), concepts, ranks=ranks)

    with pytest.raises(DataError, match=r"leave out different ones: 007\.jpg; 011\.jpg"):
        in_parallel(dissect, 2)


def test_more_draws_of_chance_leave_the_same_images_out(tmp_path, broden, expected, network):
    name = spoilt(broden, tmp_path / "broden", "missing", "maps/007_color.png")
    few = ps.dissect(network, "0", name, skip_broken=True, **USED, **EVERYTHING | {"null": 2})
    few.save(tmp_path / "few")
    found = draw_more(tmp_path / "few", name, 4)
    check_same(found["0"], expected)


def test_two_results_must_leave_out_the_same_images(tmp_path, broden, sound, network):
    names = [
        spoilt(broden, tmp_path / path[:3] / "broden", "missing", f"maps/{path}.png")
        for path in ("007_color", "011_color")
    ]
    a, b = (ps.dissect(network, "0", name, skip_broken=True, **USED) for name in names)
    with pytest.raises(ConfigError, match=r"007\.jpg.*011\.jpg.*they leave out other images"):
        ps.compare(a, b)
    assert (
        "in A and B, 1 broken image left out of every count: 007.jpg" in ps.compare(a, a).warnings
    )
    never = ps.dissect(network, "0", f"broden:{sound}", **USED)
    (warning,) = ps.compare(a, never).warnings
    assert warning == (
        "in A, 1 broken image left out of every count: 007.jpg; in B, none was left out"
    )


def test_the_result_says_so_everywhere(tmp_path, broden, network):
    name = spoilt(broden, tmp_path / "broden", "cut", "maps/007_color.png")
    found = ps.dissect(network, "0", name, skip_broken=True, **USED)
    text = "1 broken image left out of every count: 007.jpg"
    assert "1 broken image left out" in repr(found)
    assert text in found._repr_html_()
    assert found.summary()["left_out"][0]["image"] == "007.jpg"
    found.save(tmp_path / "out")
    loaded = Dissection.load(tmp_path / "out")
    assert loaded.summary() == found.summary()
    saved = json.loads((tmp_path / "out/0/summary.json").read_text())
    assert saved["left_out"] == found["0"].summary["left_out"]
    page = report_dissection(tmp_path / "out", name).read_text()
    assert page.count(text) == 2  # above the counts, and under how it was made
