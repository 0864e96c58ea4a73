"""Does what docs/extending.md adds work as it stands there?"""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch

from commands import Prunescope
from prunescope.networks import build
from prunescope.pruning.mask import Mask

TEXT = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


def test_the_criterion_of_the_page_prunes_as_it_says(
    prunescope: Prunescope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = re.findall(r"```py\n# mine.py\n(.*?)```", TEXT, flags=re.DOTALL)
    [command] = re.findall(r"^    prunescope (prune .* mine:scores .*)$", TEXT, flags=re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    Path("mine.py").write_text(program)
    weights = build("cifar_resnet20", seed=0).state_dict()
    weights["conv1.weight"][:8] *= 100
    torch.save(weights, "dense.pth")
    ended = prunescope(*shlex.split(command))
    assert ended.status == 0, ended.err
    mask = Mask.load(Path("small.mask.safetensors"))
    first = next(iter(mask.values()))
    assert mask.keep == pytest.approx(0.5, abs=1e-4)
    assert int(first[:8].sum()) > int(first[8:].sum())
