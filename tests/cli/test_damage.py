"""Is a damaged file of a result refused in a line, however it is damaged?"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import Ended
from layers import make_layer, save_run

Command = Callable[..., Ended]
_DAMAGES = 12  # of each file, of up to a thousand
_VALUES = (None, [], {}, "x", -1, True, float("nan"), 10**400, [[[]]])
_HEADERS = (
    b"",
    b"[]",
    b"null",
    b"[" * 50_000,
    b"\xff\xfe",
    b'{"a":1}',
    b'{"__metadata__":3}',
    b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1e99],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[-4,0]}}',
    b'{"a":{"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,4]}}',
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    layer = make_layer({"red": 200}, {"cat": 100}, {})
    return save_run(tmp_path / "run", {(0, "dense", 0): [layer], (0, "lottery", 1): [layer]})


@pytest.mark.parametrize(
    "name",
    [
        "dissection/layer4/summary.json",
        "dissection/layer4/overlap.safetensors",
        "dissection/layer4/units.parquet",
        "metrics.json",
        "tables/levels.csv",
        "tables/units.parquet",
        "study.yaml",
    ],
)
def test_a_damaged_file_ends_a_command_in_one_line_or_changes_nothing(
    run: Path, name: str, prunescope: Command
) -> None:
    level = run / "replicate-0/level-00"
    path = run / name if (run / name).exists() else level / name
    commands = (
        ("summary", level),
        ("summary", run, "--iou", "0.04", "--json"),
        ("compare", level, level, "--match", "profile"),
        ("compare", run, run),
        ("export", level, "--out", run.parent / "table.csv"),
    )
    whole = path.read_bytes()
    contents = list(damaged(whole, path.suffix))
    for content in random.Random(0).sample(contents, min(len(contents), _DAMAGES)):
        path.write_bytes(content)
        for words in commands:
            check(prunescope(*words), (name, content[:200], words))


def check(ended: Ended, told: object) -> None:
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    if ended.status == 0:
        assert not lines, told
    else:
        assert ended.status == 2, (told, ended)
        assert len(lines) == 1, (told, ended)
        assert len(lines[0]) < 1000, (told, ended)


def damaged(whole: bytes, suffix: str) -> Iterator[bytes]:
    """Yield damaged contents: cut, with bits flipped, and with values that do not belong there."""
    chance = random.Random(len(whole))
    for _ in range(10):
        at = chance.randrange(len(whole))
        yield whole[:at]
        yield whole[:at] + bytes([chance.randrange(256)]) + whole[at + 1 :]
        yield whole[:at] + bytes(4) + whole[at + 4 :]
    if suffix == ".json":
        yield from (json.dumps(values).encode() for values in replaced(json.loads(whole)))
        yield b"[" * 100_000
    if suffix == ".safetensors":
        yield (2**60).to_bytes(8, "little") + whole[8:]
        length = int.from_bytes(whole[:8], "little")
        for header in _HEADERS:
            yield len(header).to_bytes(8, "little") + header + whole[8 + length :]
        header = json.loads(whole[8 : 8 + length])
        names = json.loads(header["__metadata__"]["dissection"])
        for values in replaced(names):
            header["__metadata__"]["dissection"] = json.dumps(values)
            text = json.dumps(header).encode()
            yield len(text).to_bytes(8, "little") + text + whole[8 + length :]


def replaced(values: Any) -> Iterator[Any]:
    """Yield what JSON holds with each value in it, and all of it, replaced by others."""
    yield from _VALUES
    if isinstance(values, dict):
        for key, kept in values.items():
            yield {name: other for name, other in values.items() if name != key}
            yield from ({**values, key: other} for other in replaced(kept))
    if isinstance(values, list):
        for i, kept in enumerate(values):
            yield from ([*values[:i], other, *values[i + 1 :]] for other in replaced(kept))
