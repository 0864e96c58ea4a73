"""Do the real libraries make words comparable with images, with random weights of tiny models?"""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from coloured import WORDS
from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.concepts import open_concepts
from prunescope.dissection.words.embedding import embed
from prunescope.dissection.words.encoder import open_encoder
from prunescope.dissection.words.settings import WordSettings

CPU = torch.device("cpu")
SIZE = 8  # of the numbers that both sides make


class Listening(Progress):
    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8))


def check_sides(encoder):
    """Fail unless both sides make a row for each, the same for the same, whatever is beside it."""
    images, words = [picture(0), picture(1), picture(0)], ["red", "green"]
    rows = encoder.encode_images(images)
    assert rows.shape == (3, SIZE)
    torch.testing.assert_close(rows[0], rows[2])
    assert not torch.allclose(rows[0], rows[1])
    assert encoder.encode_words(words).shape == (2, SIZE)
    alone = encoder.encode_words(["green"])
    torch.testing.assert_close(encoder.encode_words(words)[1:], alone)


def check_embedded(name, colours):
    """Fail unless an encoder compares the pictures with the words of the file."""
    concepts = open_concepts(f"images:{colours / 'pictures'}", limit=3)
    settings = WordSettings(words=colours / "words.txt", encoder=name)
    embedded = embed(settings, concepts, CPU)
    assert embedded.words == tuple(WORDS.split())
    assert embedded.of_images.shape == (3, SIZE)
    torch.testing.assert_close(embedded.of_words.norm(dim=1), torch.ones(4, dtype=torch.float64))


@pytest.fixture
def tiny_clip(tmp_path):
    """Save a tiny CLIP of transformers, whose tokenizer knows letters alone."""
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed (extra: words)"
    )
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    last = len(names) - 1
    folder = tmp_path / "clip"
    folder.mkdir()
    numbers = {name: number for number, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    about = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 12}
    about |= {"bos_token": names[-2], "eos_token": names[-1], "unk_token": names[-1],
              "pad_token": names[-1]}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    shape = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip
    text = {"vocab_size": len(names), "max_position_embeddings": 12, "eos_token_id": last,
            "bos_token_id": last - 1, "pad_token_id": last}  # fmt: skip
    config = transformers.CLIPConfig(
        text_config=shape | text,
        vision_config=shape | {"image_size": 16, "patch_size": 8},
        projection_dim=SIZE,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    sizes = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    transformers.CLIPImageProcessor(**sizes).save_pretrained(folder)
    return folder


@pytest.mark.long
def test_a_model_of_transformers_has_two_sides_that_match(tiny_clip, colours):
    check_sides(open_encoder(f"transformers:{tiny_clip}", CPU))
    check_embedded(f"transformers:{tiny_clip}", colours)


@pytest.mark.long
def test_a_model_without_words_is_told(tmp_path):
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed (extra: words)"
    )
    config = transformers.ViTConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        image_size=16, patch_size=8,
    )  # fmt: skip
    transformers.ViTModel(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="ViTModel does not compare images with words"):
        open_encoder(f"transformers:{tmp_path}", CPU)


@pytest.mark.long
def test_a_folder_that_holds_no_model_is_told(tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed (extra: words)")
    with pytest.raises(ConfigError, match=r'encoder "transformers:.*" cannot be opened'):
        open_encoder(f"transformers:{tmp_path}", CPU)


@pytest.fixture
def open_clip(tmp_path):
    """Tell open_clip of a tiny model."""
    open_clip = pytest.importorskip(
        "open_clip", reason="open_clip_torch is not installed (extra: words)"
    )
    config = {
        "embed_dim": SIZE,
        "vision_cfg": {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8},
        "text_cfg": {
            "context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
        },
    }  # fmt: skip
    path = tmp_path / "prunescope-tiny.json"
    path.write_text(json.dumps(config))
    open_clip.add_model_config(path)
    return open_clip


@pytest.mark.long
def test_a_model_of_open_clip_has_two_sides_that_match(open_clip, colours, tmp_path):
    torch.manual_seed(0)
    weights = open_clip.create_model("prunescope-tiny").state_dict()
    torch.save(weights, tmp_path / "tiny.pt")
    name = f"open-clip:prunescope-tiny,pretrained={tmp_path / 'tiny.pt'}"
    listening = Listening()
    check_sides(open_encoder(name, CPU, listening))
    assert listening.said == []
    check_embedded(name, colours)
    check_embedded(name.replace("open-clip", "open_clip"), colours)


@pytest.mark.long
def test_of_random_weights_the_user_is_told(open_clip):
    listening = Listening()
    open_encoder("open-clip:prunescope-tiny", CPU, listening)
    [said] = listening.said
    assert "random weights" in said


@pytest.mark.long
def test_a_model_that_open_clip_lacks_is_told(open_clip):
    with pytest.raises(ConfigError, match='encoder "open-clip:ViT-Z" cannot be opened'):
        open_encoder("open-clip:ViT-Z", CPU)


def test_of_a_package_that_is_not_installed_it_is_told_how_to_install_it(monkeypatch):
    for package, name in (("open_clip", "open-clip:RN50"), ("transformers", "transformers:x")):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setattr(
            "prunescope.dissection.words.encoder.find_spec",
            lambda wanted, package=package: None if wanted == package else object(),
        )
        with pytest.raises(ConfigError, match=rf"{package} is not installed: pip install"):
            open_encoder(name, CPU)


def test_paths_do_not_stand_in_what_is_saved_of_an_encoder():
    from prunescope.dissection.words.encoder import title_of

    assert title_of("transformers:/home/me/clip") == "transformers:clip"
    assert title_of("transformers:~/clip") == "transformers:clip"
    assert title_of("transformers:openai/clip") == "transformers:openai/clip"
    name = "open-clip:ViT-B-32,pretrained=../weights/a.pt"
    assert title_of(name) == "open-clip:ViT-B-32,pretrained=a.pt"
    assert title_of("open-clip:local-dir:/x/y") == "open-clip:local-dir:y"
    assert title_of("mine:encoder") == "mine:encoder"
