"""Does a command that makes one thing end at once when it is told to, and say what then holds?"""

import signal
import time
from pathlib import Path

import pytest

from commands import Prunescope
from concepts.packing import packed
from concepts.worlds import FILES, write_folder
from serving import Handler, served, whole
from stops import stop

_ANEW = "prunescope: stopped; the same command begins again; nothing is half-written"
_GOES_ON = "prunescope: stopped; the same command goes on from what is finished"
_SLOW = """\
import time
from pathlib import Path
from torch import nn

class Slow(nn.Sequential):
    def forward(self, images):
        answer = super().forward(images)
        if len(images) > 2:  # no probe
            Path("begun").touch()
            time.sleep(0.2)
        return answer

def make(num_classes=10):
    maps = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1)
    return Slow(*maps, nn.Flatten(), nn.Linear(4, num_classes))
"""
_DISSECT = (
    "dissect slow:make --layer 0 --concepts broden:{set} --quantile 0.02 --batch-size 3 "
    "--resolution 32 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --out D"
)
_EVALUATE = (
    "evaluate slow:make --num-classes 10 --data {set}/images --batch-size 3 "
    "--mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"
)
_SIGNALS = [
    ((signal.SIGINT,), 130),
    ((signal.SIGINT, signal.SIGINT), 130),
    ((signal.SIGTERM,), 143),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "signals", "status"),
    [
        (_DISSECT, *_SIGNALS[1]),
        (_EVALUATE, *_SIGNALS[2]),
        *(
            pytest.param(command, *sent, marks=pytest.mark.slow)
            for command, sent in (
                *((_DISSECT, sent) for sent in (_SIGNALS[0], _SIGNALS[2])),
                *((_EVALUATE, sent) for sent in _SIGNALS[:2]),
            )
        ),
    ],
)
def test_a_single_look_told_to_stop_ends_and_leaves_nothing(
    drawn: Path, tmp_path: Path, command: str, signals: tuple[int, ...], status: int
) -> None:
    (tmp_path / "slow.py").write_text(_SLOW)
    begun = (tmp_path / "begun").exists
    words = command.format(set=drawn).split()
    assert stop(words, begun, signals, folder=tmp_path) == (status, _ANEW)
    left = {path.name for path in tmp_path.iterdir()} - {"slow.py", "begun", "__pycache__"}
    assert not left


@pytest.mark.parametrize(("signals", "status"), _SIGNALS)
def test_a_download_told_to_stop_keeps_what_it_has_and_goes_on_from_there(
    tmp_path: Path, signals: tuple[int, ...], status: int, prunescope: Prunescope
) -> None:
    content = packed(write_folder(tmp_path / "set", FILES))

    def stalled(handler: Handler) -> None:
        handler.send(start=0, length=len(content), sent=len(content) // 2)
        handler.wfile.flush()
        time.sleep(5)

    with served(content, stalled, whole) as server:
        out = tmp_path / "out" / "broden"
        words = ["concepts", "download", "broden", "--out", out, "--from", server.address]
        part = out.with_name("broden.download") / "broden1_224.zip.part"
        begun = lambda: part.exists() and part.stat().st_size > 0  # noqa: E731
        assert stop([str(word) for word in words], begun, signals) == (status, _GOES_ON)
        assert part.stat().st_size > 0
        assert not out.exists()
        assert prunescope(*words).status == 0
        assert server.asked[-1][1] == f"bytes={len(content) // 2}-"
