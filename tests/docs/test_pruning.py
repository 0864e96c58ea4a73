"""Does docs/pruning.md say what happens?"""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch

from prunescope import cli
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights

TEXT = (Path(__file__).parents[2] / "docs" / "pruning.md").read_text()
COMMANDS = re.findall(r"^    (prunescope .*)$", re.sub(r"\\\n *", "", TEXT), flags=re.MULTILINE)
STUDY = """
name: tiny
network: cifar_resnet20
data: {source: nowhere}
training: {to: 2ep, batch_size: 4, learning_rate: 0.1, weight_decay: 0}
pruning: {rewind_to: 1ep, strategies: {lottery: {levels: 1}}}
concepts: {source: scenes}
dissection: {layers: [layer3]}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dense network and a run of two levels, as the page takes for granted."""
    monkeypatch.chdir(tmp_path)
    torch.save(build("cifar_resnet20", seed=0).state_dict(), "dense.pth")
    torch.save(build("torchvision:resnet18", seed=0).state_dict(), "mine.pth")
    run = tmp_path / "runs" / "tiny"
    for level, keep in (("level-00", 1.0), ("lottery/level-01", 0.8)):
        pruned = prune_saved("cifar_resnet20", PruneSettings(keep=keep), weights=Path("dense.pth"))
        path = run / "replicate-0" / level / "weights.safetensors"
        write_weights(path, pruned.network, pruned.mask, "prunescope")
    (run / "study.yaml").write_text(STUDY)
    return tmp_path


@pytest.mark.long
def test_every_command_and_program_on_the_page_works(
    place: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Published weights, which would be downloaded, are those of a file here."""
    assert len(COMMANDS) == 17
    for line in COMMANDS:
        command = line.replace("--weights DEFAULT", "--weights mine.pth")
        command = command.replace("--recalibrate DIR", f"--recalibrate {drawn / 'images'}")
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert end.value.code == 0, (command, said.err)
        assert said.out, command
    for file in ("", ".mask"):
        back, small = (
            (place / f"{name}{file}.safetensors").read_bytes() for name in ("back", "small")
        )
        assert back == small
    for program in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        names: dict[str, object] = {}
        exec(program, names)
        if "small" in names:
            assert names["small"].units["layer1.0.conv1"]  # type: ignore[attr-defined]
            continue
        assert names["mask"].survivors == round(0.1 * names["mask"].size)  # type: ignore[attr-defined]
