"""Does docs/networks.md say what is so?"""

import re
import shlex
from pathlib import Path

import pytest

from commands import Prunescope
from prunescope.dissection.layers import choose_layers
from prunescope.dissection.settings import DEFAULT_LAYER
from prunescope.networks.hollow import build_hollow

TEXT = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line.replace("\\\n", " "))[1:]
    for line in re.findall(r"^    (prunescope (?:.*\\\n)*.*)$", TEXT, flags=re.MULTILINE)
]
NETWORKS = {  # names for the rows of the table whose defaults are not tested elsewhere
    "ConvNeXt": ("torchvision:convnext_tiny", 64),
    "ViT": ("torchvision:vit_b_16", 224),
    "Swin": ("torchvision:swin_t", 64),
}


@pytest.mark.long
@pytest.mark.parametrize("row", NETWORKS)
def test_the_defaults_of_the_table_are_those_that_are_taken(row: str) -> None:
    name, resolution = NETWORKS[row]
    stated = re.search(rf"^\| {row} \| `([^`]+)` \(torchvision\)", TEXT, flags=re.MULTILINE)
    assert stated
    hollow = build_hollow(name, num_classes=2)
    assert choose_layers(hollow, [DEFAULT_LAYER], resolution) == (stated[1],)


def test_the_factory_of_the_page_is_dissected_as_the_page_says(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = re.findall(r"```py\n# nets.py\n(.*?)```", TEXT, flags=re.DOTALL)
    [words] = [words for words in COMMANDS if "nets:tiny,width=32" in words]
    (tmp_path / "nets.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    words = [f"broden:{drawn}" if word == "scenes" else word for word in words]
    ended = prunescope(*words, "--limit", 4)
    assert ended.status == 0, ended.err
    assert "32 units" in ended.out or "32" in ended.out.split()


def test_the_patterns_of_the_page_fit_layers_of_the_networks_of_the_page() -> None:
    from prunescope.dissection.layers import choose_layers

    seen = 0
    for words in COMMANDS:
        if "--layer" in words and words[1] == "torchvision:resnet18":
            wanted = [words[place + 1] for place, word in enumerate(words) if word == "--layer"]
            assert len(choose_layers(build_hollow(words[1]), wanted, 64)) > len(wanted)
            seen += 1
    assert seen == 2
