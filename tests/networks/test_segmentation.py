"""Are networks for semantic segmentation of the libraries opened, with names and preparation?"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.segmentation import lraspp_mobilenet_v3_large
from torchvision.transforms._presets import SemanticSegmentation

from prunescope.base.errors import ConfigError, DataError, DownloadError
from prunescope.concepts.check import check_concepts
from prunescope.concepts.label_makers import makers_of
from prunescope.experiment.segmenting import segment
from prunescope.networks.segmentation.opening import open_segmenter
from prunescope.networks.segmentation.segmenter import checked_names
from prunescope.networks.segmentation.settings import SegmentationSettings

TINY = "torchvision:lraspp_mobilenet_v3_large"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photographs of noise."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(1)
    for number, size in enumerate([(40, 52), (52, 40), (40, 52)]):
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny network of torchvision for four classes."""
    torch.manual_seed(0)
    network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)
    path = tmp_path_factory.mktemp("weights") / "four.pth"
    torch.save(network.state_dict(), path)
    return path


def settings(model: str, **values: Any) -> SegmentationSettings:
    return SegmentationSettings.validate_from({"model": model, **values}, "the test")


def test_photographs_are_shown_as_torchvision_shows_them(photographs: Path):
    opened = open_segmenter(settings(TINY, weights="random"))
    assert opened.seen["resolution"] == 520
    for resolution in (520, 33):
        opened = open_segmenter(settings(TINY, weights="random", resolution=resolution))
        for path in photographs.iterdir():
            picture = Image.open(path)
            theirs = SemanticSegmentation(resize_size=resolution)(picture)
            ours = opened.prepare(picture)
            assert ours.shape == theirs.shape
            torch.testing.assert_close(ours, theirs)


def test_labels_are_those_that_torchvision_computes(
    photographs: Path, weights: Path, tmp_path: Path
):
    (tmp_path / "names.txt").write_text("__background__\ncat\ndog\ntree\n")
    made = segment(
        photographs, TINY, tmp_path / "set", weights=weights, names=tmp_path / "names.txt",
        resolution=32, device="cpu",
    )  # fmt: skip
    assert [label.name for label in made.labels] == ["cat", "dog", "tree"]
    (record,) = makers_of(made)
    assert record["weights"] == "four.pth"
    assert record["background"] == "__background__"
    network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()
    differing = labelled = 0
    for index, image in enumerate(made.images):
        shown = SemanticSegmentation(resize_size=32)(Image.open(photographs / image))
        with torch.no_grad():
            logits = network(shown[None])["out"]
        (plane,) = made.read_annotation(index).planes
        upsampled = torch.nn.functional.interpolate(logits, plane.shape, mode="bilinear")
        expected = upsampled[0].argmax(0).numpy()
        differing += int((expected != plane).sum())
        labelled += int((plane > 0).sum())
    assert differing <= 2  # ties to the last bit between batches
    assert labelled > 0
    assert check_concepts(made).problems == ()


def test_random_weights_have_the_published_names(photographs: Path, tmp_path: Path):
    made = segment(
        photographs, TINY, tmp_path / "set", weights="random", resolution=32, limit=1, device="cpu"
    )
    assert [label.name for label in made.labels][:3] == ["aeroplane", "bicycle", "bird"]
    assert len(made.labels) == 20
    assert makers_of(made)[0]["weights"] == "random"


def test_weights_of_other_classes_are_refused(weights: Path):
    with pytest.raises(DataError, match=r"four.pth does not fit the network"):
        open_segmenter(settings(TINY, weights=str(weights)))


def test_weights_that_nobody_publishes_are_refused():
    with pytest.raises(ConfigError, match=r'"IMAGENET1K_V1".*COCO_WITH_VOC_LABELS_V1'):
        open_segmenter(settings(TINY, weights="IMAGENET1K_V1"))


def test_a_name_that_stands_twice_gets_its_number():
    assert checked_names(["door", "wall", "door"], "here") == ("door (0)", "wall", "door (2)")
    for names, said in ((["a", ""], "the name 2 is ''"), ([], "names no class")):
        with pytest.raises(DataError, match=said):
            checked_names(names, "here")


def tiny_segformer(folder: Path, **changes: Any) -> None:
    """Save a tiny SegFormer with random weights, and its image processor."""
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed (extra: segment)"
    )
    torch.manual_seed(0)
    names = ["wall", "sky", "tree", "tree"]
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16],
        patch_sizes=[7, 3], strides=[4, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2],
        decoder_hidden_size=16, id2label=dict(enumerate(names)),
    )  # fmt: skip
    kind = changes.pop("kind", transformers.SegformerForSemanticSegmentation)
    kind(config).save_pretrained(folder)
    size = changes.pop("size", {"height": 64, "width": 64})
    transformers.SegformerImageProcessor(size=size, **changes).save_pretrained(folder)


@pytest.mark.long
def test_labels_are_those_that_transformers_computes(photographs: Path, tmp_path: Path):
    tiny_segformer(tmp_path / "tiny")
    import transformers

    made = segment(photographs, f"transformers:{tmp_path / 'tiny'}", tmp_path / "set", device="cpu")
    assert [label.name for label in made.labels] == ["wall", "sky", "tree (2)", "tree (3)"]
    (record,) = makers_of(made)
    assert record["model"] == "transformers:tiny"
    assert record["input"]["size"] == {"height": 64, "width": 64}
    assert record["versions"]["transformers"] == transformers.__version__
    network = transformers.AutoModelForSemanticSegmentation.from_pretrained(tmp_path / "tiny")
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "tiny")
    differing = 0
    for index, image in enumerate(made.images):
        picture = Image.open(photographs / image)
        with torch.no_grad():
            answer = network(**processor(images=picture, return_tensors="pt"))
        size = (picture.height, picture.width)
        [expected] = processor.post_process_semantic_segmentation(answer, target_sizes=[size])
        (plane,) = made.read_annotation(index).planes
        assert plane.shape == size
        differing += int((expected.numpy() + 1 != plane).sum())
    assert differing <= 2


@pytest.mark.long
def test_nothing_is_cut_off_or_padded_and_another_resolution_is_taken(tmp_path: Path):
    tiny_segformer(tmp_path / "tiny", size={"shortest_edge": 48}, do_center_crop=True)
    name = f"transformers:{tmp_path / 'tiny'}"
    picture = Image.new("RGB", (80, 40))
    assert open_segmenter(settings(name)).prepare(picture).shape == (3, 48, 96)
    opened = open_segmenter(settings(name, resolution=20, mean=[0.0] * 3, std=[0.5] * 3))
    assert opened.prepare(picture).shape == (3, 20, 40)
    assert opened.prepare(Image.new("RGB", (80, 40), (255,) * 3)).unique().tolist() == [2.0]


@pytest.mark.long
def test_a_model_that_was_not_trained_for_segmentation_is_refused(tmp_path: Path):
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed (extra: segment)"
    )
    tiny_segformer(tmp_path / "tiny", kind=transformers.SegformerForImageClassification)
    with pytest.raises(DataError, match="has no weights for decode_head"):
        open_segmenter(settings(f"transformers:{tmp_path / 'tiny'}"))


@pytest.mark.long
def test_code_that_a_folder_names_is_never_run(tmp_path: Path):
    tiny_segformer(tmp_path / "tiny")
    config = json.loads((tmp_path / "tiny/config.json").read_text())
    config |= {"model_type": "trap", "auto_map": {"AutoConfig": "trap.Trap"}}
    (tmp_path / "tiny/config.json").write_text(json.dumps(config))
    (tmp_path / "tiny/trap.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(DataError, match="is no network for semantic segmentation that can be read"):
        open_segmenter(settings(f"transformers:{tmp_path / 'tiny'}"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
def test_a_model_that_is_not_here_says_what_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers", reason="transformers is not installed (extra: segment)")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"not in the hub's cache \(which"):
        open_segmenter(settings("transformers:nobody/nothing"))


def test_without_transformers_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"pip install 'prunescope\[segment\]'"):
        open_segmenter(settings("transformers:nobody/nothing"))
