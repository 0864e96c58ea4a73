"""Do the tutorials, from their first command to their last, do what they say?

Each is followed as a reader would, in an empty folder. Only the embedded pictures are fewer and
smaller here, and one process does what otherwise several do beside each other.
"""

import io
import json
import re
import runpy
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType

import pandas as pd
import pytest
import yaml

from commands import Ended, Prunescope
from prunescope import recipe as recipes

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(
    r"(?:Save this as `(?P<file>[^`]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
OWN = "prunescope dissect my_network:make --num-classes 10 "
PROGRAM = "a program on the page"
STOP = "# stopped with Ctrl-C"
_BUSY = ("tensors.py", "pathlib.py")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, whose modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


@contextmanager
def stopped_beyond(pattern: str) -> Iterator[None]:
    """Press Ctrl-C, once, soon after there is such a path."""

    def press(_signal: int, frame: FrameType | None) -> None:
        # Within the library that reads tensors, Ctrl-C would come out as another error; within
        # the opening of a file, as a warning of that file.
        reading = any(own.f_code.co_filename.endswith(_BUSY) for own in _callers(frame))
        if not reading and any(Path().glob(pattern)):
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    former = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def follow(page: str, prunescope: Prunescope) -> dict[str, list[Ended]]:
    """Do everything that a page says, in its order; return how each command ended, every time.

    What programs on the page print is found under PROGRAM.
    """
    ended: dict[str, list[Ended]] = {}
    for block in BLOCK.finditer((PAGES / page).read_text()):
        if block["file"]:
            Path(block["file"]).write_text(block["text"])
        elif block["kind"] in ("py", "python"):
            with redirect_stdout(io.StringIO()) as said:
                exec(compile(block["text"], page, "exec"), {})
            ended.setdefault(PROGRAM, []).append(Ended(status=0, out=said.getvalue(), err=""))
        else:
            assert block["kind"] == "sh"
            for line in re.sub(r"\\\n *", "", block["text"]).splitlines():
                ended.setdefault(line, []).append(_run(line, prunescope))
    return ended


def _run(line: str, prunescope: Prunescope) -> Ended:
    program, *words = shlex.split(line, comments=True)
    kept = None
    if ">" in words:
        *words, _, kept = words
    if program == "python":
        runpy.run_path(words[0], run_name="__main__")
        return Ended(status=0, out="", err="")
    assert program == "prunescope"
    if words[0] == "run":
        words += ["--workers", "1"]
    if line.endswith(STOP):
        with stopped_beyond("runs/*/replicate-0/level-00"):
            ended = prunescope(*words)
        assert ended.status != 0
        return ended
    ended = prunescope(*words)
    assert ended.status == 0, (line, ended.err)
    if kept:
        Path(kept).write_text(ended.out)
    return ended


@pytest.mark.long
def test_an_interpretability_researcher_sees_what_a_network_of_his_own_sees(
    here: Path, prunescope: Prunescope
) -> None:
    ended = follow("dissecting.md", prunescope)
    units = pd.read_parquet("seen/relu3/units.parquet")
    assert len(units) == 64
    assert "no problems" in ended["prunescope concepts check scenes"][0].out
    assert "relu3: " in ended["prunescope summary seen --iou 0.04"][0].out
    assert (here / "sheets" / "sheet-1.png").is_file()
    assert "relu3" in ended[OWN + "--resolution 32 --list-layers"][0].out
    tested = pd.read_parquet("tested/relu3/units.parquet")
    assert tested["p"].dropna().between(1 / 101, 1).all()
    assert (tested["draws"] == 100).all()
    assert tested["p"].isna().equals(tested["iou"].isna())
    assert tested["discovery"].dtype == bool
    assert len(pd.read_csv("relu3.csv")) == 64
    [[untrained]] = [times for line, times in ended.items() if line.endswith("untrained")]
    assert "random weights" in untrained.err
    assert {path.name for path in Path("untrained").iterdir()} == {
        *("blocks.2", "blocks.3", "layers.json")
    }
    table, dissection = ended[PROGRAM]
    assert "peak" in table.out
    assert "[64 rows x 3 columns]" in dissection.out


@pytest.mark.long
def test_a_compression_engineer_learns_what_pruning_cost(
    here: Path, prunescope: Prunescope
) -> None:
    ended = follow("compressing.md", prunescope)
    assert "conv1.weight" in ended["prunescope audit pruned.safetensors"][0].out
    assert (here / "comparison" / "comparison.png").is_file()
    assert (here / "comparison" / "concepts.csv").is_file()
    compared = [times for line, times in ended.items() if line.endswith("--layer layer3")]
    assert len(compared) == 2
    for [last] in compared:
        assert "units paired by number" in last.out
    tuned = Path("runs/tuned/replicate-0")
    [given, level] = pd.read_csv("runs/tuned/tables/levels.csv")["keep"]
    assert given == 1
    assert level == pytest.approx(0.2, abs=1e-3)
    assert (tuned / "level-00" / "weights.safetensors").is_file()
    assert not (tuned / "rewind").exists()


@pytest.mark.long
def test_a_lottery_ticket_researcher_stops_resumes_and_extends_a_study(
    here: Path, prunescope: Prunescope
) -> None:
    ended = follow("lottery.md", prunescope)
    known = json.loads((here / "recipe.schema.json").read_text())["properties"]
    assert yaml.safe_load((here / "tickets.yaml").read_text()).keys() <= known.keys()
    levels = pd.read_csv("runs/tickets/tables/levels.csv")
    assert sorted(zip(levels["replicate"], levels["level"], strict=True)) == [
        (replicate, level) for replicate in (0, 1) for level in (0, 1, 2)
    ]
    stopped, extended = ended["prunescope status runs/tickets"]
    assert "left:\n" in stopped.out
    assert "left:\n" not in extended.out
    [[resumed]] = [times for line, times in ended.items() if line.endswith("--out runs/tickets")]
    assert "replicate 0, up to the rewinding step: done" not in resumed.err
    assert "replicate 1, level 1 of lottery" in resumed.err
    [[longer]] = [times for line, times in ended.items() if line.endswith("levels=2")]
    assert "level 2 of lottery" in longer.err
    assert "level 1 of lottery" not in longer.err
    assert "PROBLEM" not in ended["prunescope audit runs/tickets"][0].out
    controls = pd.read_csv("runs/controls/tables/levels.csv")
    assert list(controls["strategy"]) == ["dense", "lottery", "shuffled", "fresh"]
    assert controls["keep"].iloc[1:].nunique() == 1
    assert list(pd.read_csv("runs/controls/tables/twins.csv")["strategy"]) == ["twin-1"]


def test_every_study_that_is_shipped_is_named() -> None:
    page = (PAGES / "lottery.md").read_text(encoding="utf-8")
    shipped = {path.stem for path in Path(recipes.__file__).with_name("recipes").glob("*.yaml")}
    assert [name for name in shipped - {"demo"} if f"`{name}`" not in page] == []
