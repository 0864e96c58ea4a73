"""Does docs/words.md say what is so? Its command is run, with an encoder that is at hand."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch

from coloured import write_world
from commands import Prunescope
from prunescope.dissection.encoders import ENCODERS
from prunescope.dissection.words.settings import WordSettings
from prunescope.networks.registry import build

PAGE = (Path(__file__).parents[2] / "docs" / "words.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    [block] = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    return [shlex.split(line)[1:] for line in block.splitlines()]


@pytest.mark.long
def test_the_commands_of_the_page_run(
    prunescope: Prunescope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_world(tmp_path))
    sys.modules.pop("coloured_code", None)
    network = build("torchvision:resnet18", num_classes=1000, seed=0)
    torch.save(network.state_dict(), "resnet18.pth")
    for words in commands():
        if "dissect" in words:
            words[words.index("DEFAULT")] = "resnet18.pth"
            words[words.index("--encoder") + 1] = "coloured_code:encoder"
            words += ["--num-classes", "1000", "--quantile", "0.02", "--word-draws", "9"]
        ended = prunescope(*words)
        assert ended.status == 0, ended.err
    assert "word: " in ended.out
    assert (tmp_path / "dissection/layer4/words.parquet").exists()


def test_every_encoder_and_every_option_is_named() -> None:
    for name in ENCODERS.names:
        assert f"| `{name}:MODEL` |" in PAGE
    rows = re.findall(r"^\| (`--word-[^|]+) \| ([^|]+) \|", PAGE, re.M)
    stated = {
        option: default.strip("`")
        for options, defaults in rows
        for option, default in zip(options.split(", "), defaults.split(", "), strict=True)
    }
    fields = {
        f"`--{name.replace('_', '-')}`": f"{field.default:g}"
        if isinstance(field.default, float)
        else str(field.default)
        for name, field in WordSettings.model_fields.items()
        if name.startswith("word_")
    }
    assert stated == fields
