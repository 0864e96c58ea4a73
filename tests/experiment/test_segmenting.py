"""Are photographs labelled as the network says, and does the set know who labelled it?"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import prunescope as ps
from commands import Prunescope, check_refused
from concepts import colours
from concepts.colours import NAMES, SEES
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import hash_file
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.label_makers import makers_of
from prunescope.concepts.protocol import splits_of
from prunescope.experiment.run import run_study
from prunescope.experiment.segmenting import label_pixels, segment
from prunescope.networks.registry import build
from prunescope.recipe import Recipe
from prunescope.report.pages.dissection import report_dissection
from runs import tiny_recipe

SAID = "labels made by colours:make, not by people"
SIZES = ((12, 16), (16, 12), (12, 12), (12, 16), (12, 20))


@pytest.fixture(autouse=True)
def _factories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the networks of the test be factories of a module `colours`."""
    monkeypatch.setitem(sys.modules, "colours", colours)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Photographs of several sizes, three of them in train, with a random colour in each pixel."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        folder = tmp_path / "photographs" / ("train" if number < 3 else "val")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photographs"


def by_hand(pixels: np.ndarray, above: float = 0.5) -> np.ndarray:
    """Return the numbers of the classes that the network of the test sees, 0 for nothing."""
    values = pixels.astype(np.float32) / np.float32(255)
    best = values.argmax(axis=2)
    return np.where(values.max(axis=2) > np.float32(above), best + 1, 0)


def labelled(images: Path | str, out: Path, **settings: Any) -> Any:
    return segment(images, "colours:make", out, device="cpu", **{**SEES, **settings})


def numbers(concepts: Any, index: int) -> np.ndarray:
    """Return the index of the class of each pixel of an image."""
    classes = {label.number: NAMES.index(label.name) for label in concepts.labels}
    (plane,) = concepts.read_annotation(index).planes
    return np.vectorize({0: 0, **classes}.__getitem__)(plane)


def test_every_pixel_carries_the_class_that_its_colour_is(photographs: Path, tmp_path: Path):
    made = labelled(photographs, tmp_path / "set", background="nothing", batch_size=2)
    assert [label.name for label in made.labels] == ["red", "green", "blue"]
    assert made.images == tuple(f"{'train' if n < 3 else 'val'}/{n}.png" for n in range(5))
    assert splits_of(made) == ("train",) * 3 + ("val",) * 2
    for index, image in enumerate(made.images):
        pixels = np.asarray(Image.open(photographs / image))
        assert (numbers(made, index) == by_hand(pixels)).all()
        assert (np.asarray(made.read_image(index)) == pixels).all()
        copied = tmp_path / "set/images" / image
        assert copied.read_bytes() == (photographs / image).read_bytes()
    counts = check_concepts(made).labels.set_index("name")["pixels"]
    pictures = [np.asarray(Image.open(photographs / image)) for image in made.images]
    for number, name in enumerate(NAMES[1:], start=1):
        assert counts[name] == sum(int((by_hand(each) == number).sum()) for each in pictures)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_the_size_of_batches_changes_nothing(photographs: Path, tmp_path: Path, batch_size: int):
    one = labelled(photographs, tmp_path / "one", batch_size=batch_size)
    for index in range(len(SIZES)):
        pixels = np.asarray(one.read_image(index))
        assert (numbers(one, index) == by_hand(pixels)).all()


def test_a_pixel_below_the_confidence_carries_nothing(photographs: Path, tmp_path: Path):
    """With logits of the colours alone no probability reaches 0.5, and some reach 0.4."""
    model = "colours:make,scale=1.0"
    made = segment(
        photographs,
        model,
        tmp_path / "set",
        device="cpu",
        confidence=0.4,
        background="none",
        **SEES,
    )
    kept = 0
    for index in range(len(SIZES)):
        values = np.asarray(made.read_image(index)).astype(np.float64) / 255
        logits = np.concatenate([np.full((*values.shape[:2], 1), 0.5), values], axis=2)
        probability = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
        expected = np.where(probability.max(axis=2) < 0.4, 0, logits.argmax(axis=2) + 1)
        assert np.abs(probability.max(axis=2) - 0.4).min() > 1e-6
        (plane,) = made.read_annotation(index).planes
        assert (plane == expected).all()
        kept += int((expected > 0).sum())
    assert 0 < kept < sum(height * width for height, width in SIZES)


def test_logits_are_upsampled_with_half_pixel_centres():
    logits = torch.tensor([[[0.0, 1.0]], [[0.6, 0.6]]])  # two classes of 1 x 2 cells
    values = torch.tensor([1, 2], dtype=torch.int32)
    plane = label_pixels(logits, values, (1, 4), 0.0)
    assert plane.tolist() == [[2, 2, 1, 1]]  # class 1 has 0, 0.25, 0.75 and 1
    assert label_pixels(logits[:, :, :1] * 0, values, (2, 2), 0.0).tolist() == [[1, 1], [1, 1]]


def test_a_label_map_is_no_larger_than_what_the_network_sees(tmp_path: Path):
    (tmp_path / "photographs").mkdir()
    Image.new("RGB", (97, 50), (255, 0, 0)).save(tmp_path / "photographs/red.png")
    Image.new("RGB", (9, 7), (0, 255, 0)).save(tmp_path / "photographs/green.png")
    made = labelled(tmp_path / "photographs", tmp_path / "set")
    assert [made.read_annotation(index).shape for index in range(2)] == [(7, 9), (12, 23)]
    assert check_concepts(made).problems == ()


def test_other_names_and_a_concept_set_of_images_are_taken(make_folder, tmp_path: Path):
    (tmp_path / "names.txt").write_text("none of it\nfire\nwood\nwater\n")
    source = open_concepts(f"broden:{make_folder()}")
    made = labelled(source.name, tmp_path / "made", names=tmp_path / "names.txt", resolution=6)
    assert [label.name for label in made.labels] == ["none of it", "fire", "wood", "water"]
    assert dict(zip(made.images, splits_of(made), strict=True)) == {
        f"{split}/{name}": split
        for name, split in zip(source.images, splits_of(source), strict=True)
    }


@pytest.mark.long
def test_a_dissection_of_the_set_says_who_labelled_it(photographs: Path, tmp_path: Path):
    made = labelled(photographs, tmp_path / "set")
    (record,) = makers_of(made)
    assert (record["model"], record["background"]) == ("colours:make", None)
    assert record["input"] == {"resolution": 12, "mean": [0.0] * 3, "std": [1.0] * 3}
    assert len(record["sha256"]) == 64
    assert record["versions"]["factory"] == hash_file(Path(colours.__file__))
    assert SAID in check_concepts(made).notes
    network = build("plain_cnn,width=0.25", num_classes=4, seed=0)
    seen = {"resolution": 16, "mean": (0.5,) * 3, "std": (0.25,) * 3, "quantile": 0.05}
    name = f"masks:{tmp_path / 'set'},size=8 + masks:{tmp_path / 'set'}"
    for concepts, said in ((made, SAID), (name, "labels of masks-1 made by colours:make")):
        result = ps.dissect(network, None, concepts, **seen)
        (layer,) = result.layers.values()
        assert layer.summary["labelled_by"][0]["sha256"] == record["sha256"]
        assert said in str(result._repr_html_())
    result.save(tmp_path / "D")
    page = report_dissection(tmp_path / "D", name).read_text()
    assert "labels of masks-1 made by colours:make" in page


def test_converted_to_broden_it_still_says_so(photographs: Path, tmp_path: Path):
    made = labelled(photographs, tmp_path / "set")
    converted = convert_concepts(made, tmp_path / "broden")
    assert makers_of(converted) == makers_of(made)
    assert SAID in check_concepts(converted.part([0, 1])).notes


@pytest.mark.parametrize(
    "record", ['[{"model": 3}]', "[{}]", '{"model": "a"}', '[{"model": "a", "confidence": NaN}]']
)
def test_a_damaged_record_is_refused(photographs: Path, tmp_path: Path, record: str):
    labelled(photographs, tmp_path / "set")
    (tmp_path / "set/labelled_by.json").write_text(f'{{"labelled_by": {record}}}')
    with pytest.raises(DataError, match=r"labelled_by.json is damaged"):
        open_concepts(f"masks:{tmp_path / 'set'}")


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("colours:flat", {}, "answers with Tensor of shape .1, 4."),
        ("colours:wide", {}, "gives 8 classes, but 4 names"),
        ("colours:not_finite", {}, "answers with nan"),
        ("colours:unnamed", {}, "what the outputs of colours:unnamed mean is not known"),
        ("colours:make", {"background": "rde"}, 'no class "rde".*did you mean "red"'),
        ("colours:make", {"resolution": None}, "input of colours:make is not known.*--resolution"),
        ("colours:make", {"weights": "random"}, "nobody publishes weights of colours:make"),
        ("torchvision:fcn_resnet", {}, 'no segmentation network "fcn_resnet".*fcn_resnet50'),
        ("timm:resnet18", {}, "is no network for semantic segmentation"),
        ("fcn_resnet50", {}, "write torchvision:fcn_resnet50"),
    ],
)
def test_what_is_no_segmentation_is_refused_and_leaves_nothing(
    photographs: Path, tmp_path: Path, model: str, settings: dict[str, Any], said: str
):
    with pytest.raises(ConfigError, match=said):
        segment(photographs, model, tmp_path / "set", batch_size=2, limit=2, **{**SEES, **settings})
    assert not (tmp_path / "set").exists()


def test_a_broken_photograph_ends_it_or_is_left_out(tmp_path: Path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(100):
        Image.new("RGB", (12, 12), (number, 255, 0)).save(folder / f"{number:02}.png")
    (folder / "50.png").write_bytes((folder / "50.png").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"50.png cannot be read.*--skip-broken"):
        labelled(folder, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    made = labelled(folder, tmp_path / "set", skip_broken=True)
    assert len(made.images) == 99


def test_photographs_that_would_share_a_mask_are_refused(tmp_path: Path):
    folder = tmp_path / "photographs"
    (folder / "a").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (12, 12)).save(folder / name)
    Image.new("RGB", (12, 12)).save(folder / "b.jpg")
    with pytest.raises(DataError, match=r"b.jpg and b.png, which would share a mask"):
        labelled(folder, tmp_path / "set")
    (folder / "b.jpg").rename(folder / "a/b.jpg")
    with pytest.raises(DataError, match=r"a.png and a/b.jpg, whose mask could be of either"):
        labelled(folder, tmp_path / "set")


def test_weights_of_a_file_are_loaded_and_recorded(photographs: Path, tmp_path: Path):
    torch.save(colours.make(0.8).state_dict(), tmp_path / "weights.pth")
    made = labelled(
        photographs, tmp_path / "set", weights=tmp_path / "weights.pth", background="nothing"
    )
    pixels = np.asarray(made.read_image(0))
    assert (numbers(made, 0) == by_hand(pixels, 0.8)).all()
    assert makers_of(made)[0]["weights"] == "weights.pth"


def test_the_command_writes_the_set_and_says_whose_labels_they_are(
    prunescope: Prunescope, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    line = [photographs, "--model", "colours:make", "--resolution", 12, "--mean", "0,0,0"]
    line += ["--std", "1,1,1", "--background", "nothing", "--split", "train"]
    ended = prunescope("concepts", "segment", *line, "--out", "set", "--device", "cpu", "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed == {"set": "masks:set", "images": 3, "labels": 3, "note": SAID}
    checked = prunescope("concepts", "check", "masks:set")
    assert checked.status == 0
    assert f"note: {SAID}" in checked.out
    again = prunescope("concepts", "segment", *line, "--out", "set")
    check_refused(again, "set is not empty", "--out")


@pytest.mark.long
def test_a_study_on_the_set_says_who_labelled_it(
    drawn: Path, prunescope: Prunescope, tmp_path: Path
):
    labelled(drawn / "images", tmp_path / "set", resolution=32, limit=12)
    values: dict[str, Any] = tiny_recipe(drawn)
    values["training"] |= {"to": "1ep", "milestones": []}
    values["pruning"] = {"rewind_to": "1it", "strategies": {"lottery": {"levels": 1}}}
    values["concepts"] = {"source": f"masks:{tmp_path / 'set'}"}
    values["dissection"] |= {"layers": ["layer3"], "quantile": 0.02}
    run_study(Recipe.validate_from(values | {"replicates": 1}, "the test"), tmp_path / "run")
    assert SAID in prunescope("summary", tmp_path / "run").out
    shown = prunescope("summary", tmp_path / "run", "--json")
    (record,) = json.loads(shown.out)["labelled_by"]
    assert record["model"] == "colours:make"
    page = (tmp_path / "run/report/index.html").read_text()
    assert page.count(SAID) >= 2  # of the study, and how its layers were dissected
    assert SAID in ps.Run.load(tmp_path / "run")._repr_html_()
