"""Is every text that calls itself YAML read as plain values, or refused in one line, at once?"""

import os
import time
from pathlib import Path

import pytest

from prunescope.base.errors import ConfigError
from prunescope.base.recipes import LARGEST_RECIPE, plain_values, read_plain
from prunescope.recipe import Recipe, load_recipe

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "a date out of the calendar as a tag": ("a: !!timestamp 2024-13-45", "!!timestamp"),
    "a Python object": ("a: !!python/object/apply:os.system [ls]", "tag"),
    "a set": ("a: !!set {b}", "!!set"),
    "binary": ("a: !!binary aGVsbG8=", "!!binary"),
    "an unknown tag": ("a: !mine 3", "!mine"),
    "a huge integer": ("a: " + "9" * 5000, r"the number of a has 5,000 digits.*line 1, column 4"),
    "a huge hexadecimal integer": ("a: {b: [0x" + "f" * 5000 + "]}", "the number of b has 5,002"),
    "a huge integer alone": ("9" * 5000, "the number has 5,000 digits"),
    "lists too deep": ("[" * 10_000 + "]" * 10_000, "deep"),
    "lists as deep as a recipe is long": ("[" * 190_000, "deep"),
    "mappings as deep as a recipe is long": ("a: 1\nb: " + "{" * 190_000, "deep"),
    "too many keys": ("\n".join(f"k{i}: 1" for i in range(20_000)), "more than 10,000 values"),
    "too many values": ("[" + "1," * 90_000 + "]", "more than 10,000 values"),
    "too many aliases": ("a: &a 1\nb: [" + "*a," * 50_000 + "]", "more than 10,000 values"),
    "mappings too deep": ("".join(" " * i + "a:\n" for i in range(200)), "deep"),
    "an alias bomb": (BOMB, "more than"),
    "itself within itself": ("a: &a [*a]", "recursive|deep"),
    "a key twice": ("a: 1\nb: 2\na: 3", r'"a" stands twice \(line 3, column 1\)'),
    "a key twice, nested": ("a: {b: 1, b: 1}", '"b" stands twice'),
    "a number as key": ("1: a", "in quotes"),
    "no as key": ("no: a", "in quotes"),
    "a list as key": ("[a]: b", "must be a name"),
    "two documents": ("a: 1\n---\nb: 2", "document"),
    "a tab": ("a:\n\tb: 1", "line 2"),
    "a control character": ("a: \x07", "special characters"),
    "an open bracket": ("a: [1", "line"),
    "an unknown alias": ("a: *b", "undefined alias"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_refused_in_one_line_at_once(name: str) -> None:
    text, words = REFUSED[name]
    began = time.process_time()
    with pytest.raises(ConfigError, match=f"^x.yaml is not YAML.*({words})") as refused:
        plain_values(text, "x.yaml")
    assert time.process_time() - began < 1.5  # half a second at most; a bomb would take hours
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("1e-3", 1e-3),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("0x10", 16),
        ("1_000", 1000),
        ("0", 0),
        ("2ep", "2ep"),
        ("true", True),
        ("~", None),
        ("", None),
        ("[a, 1, null]", ["a", 1, None]),
    ],
)
def test_plain_values_are_what_they_look_like(text: str, value: object) -> None:
    read = plain_values(text, "x")
    assert (read, type(read)) == (value, type(value))


def test_a_value_may_be_used_again_and_merged() -> None:
    text = "base: &base {levels: 2, fraction: 0.3}\nother: {<<: *base, levels: 3}"
    assert plain_values(text, "x")["other"] == {"levels": 3, "fraction": 0.3}


def test_what_is_no_small_text_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "latin").write_bytes("name: Zürich".encode("latin-1"))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "mark").write_bytes(b"\xef\xbb\xbfname: x")
    for name, words in {
        "pipe": "is not a file",
        "loop": "is not a file",
        "absent": "does not exist",
        ".": "is not a file",
        "latin": r"not UTF-8 \(byte 8\): save it with that encoding",
        "sparse": f"more than {LARGEST_RECIPE:,} bytes",
    }.items():
        with pytest.raises(ConfigError, match=words):
            read_plain(tmp_path / name)
    assert read_plain(tmp_path / "mark") == {"name": "x"}


@pytest.mark.parametrize(
    "override",
    [
        "replicates=true",
        "seed=false",
        "training.batch_size=true",
        "training.momentum=false",
        "training.learning_rate=yes",
        "pruning.strategies.lottery.levels=true",
        "pruning.strategies.lottery.fraction=true",
        "dissection.quantile=true",
        "data.mean=[true, 0.5, 0.5]",
    ],
)
def test_true_and_false_are_no_numbers(override: str) -> None:
    with pytest.raises(ConfigError, match="must not be true or false"):
        load_recipe("demo", [override])


@pytest.mark.parametrize("override", ["training.nesterov=true", "training.zero_last_gamma=false"])
def test_true_and_false_stay_what_they_are(override: str) -> None:
    load_recipe("demo", [override])


@pytest.mark.parametrize(
    "override",
    [
        "replicates=1000000",
        "pruning.strategies.lottery.levels=1000000",
        "pruning.strategies.x={levels: 1, recovery: finetune, steps: 1ep, learning_rate: 1e16}",
        "training.batch_size=100000000",
        "training.learning_rate=1e16",
        "training.weight_decay=1e300",
        "training.to=99999999999ep",
        "data.resolution=100000",
        "dissection.examples=1000000",
        "seed=99999999999999999999",
    ],
)
def test_numbers_beyond_all_reason_are_refused(override: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_recipe("demo", [override])
    assert "\n" not in str(refused.value)


@pytest.mark.long
def test_many_faults_make_no_endless_message() -> None:
    with pytest.raises(ConfigError, match=r"more$") as refused:
        Recipe.validate_from({f"key{i}": "v" * 10_000 for i in range(1000)}, "x.yaml")
    assert len(str(refused.value)) < 3000
