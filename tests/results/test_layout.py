"""Do the names of a run's files and folders stand in one place?"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import prunescope
from prunescope.results import layout
from prunescope.results.layout import DENSE, LevelKey, is_reserved, level_folders, rewind_path

SOURCE = Path(prunescope.__file__).parent
NAMES = {
    value
    for name, value in vars(layout).items()
    if name.isupper() and isinstance(value, str) and "." in value
} | {"level-", "replicate-"}


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if hasattr(node, "body") and isinstance(node.body, list) and node.body
        if isinstance(node.body[0], ast.Expr)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


@pytest.mark.long
def test_no_other_module_spells_a_name_of_a_file_of_a_run() -> None:
    spelled = [
        f"{path.relative_to(SOURCE)}:{line}: {text[:60]!r}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path != Path(layout.__file__)
        and path.parent.name not in ("base", "data")  # which know no run
        for line, text in strings(path)
        if any(name in text for name in NAMES)
    ]
    assert spelled == []


def test_a_level_lies_where_its_key_says(tmp_path: Path) -> None:
    keys = [
        LevelKey(replicate=0, strategy=DENSE, level=0),
        LevelKey(replicate=1, strategy=DENSE, level=0),
        LevelKey(replicate=0, strategy="lottery", level=1),
        LevelKey(replicate=0, strategy="lottery", level=12),
    ]
    for path in (*(key.path for key in keys), rewind_path(0)):
        (tmp_path / path).mkdir(parents=True)
    assert [path.relative_to(tmp_path).as_posix() for path in level_folders(tmp_path)] == [
        key.path for key in keys
    ]
    assert [key.before for key in keys[2:]] == [
        keys[0],
        LevelKey(replicate=0, strategy="lottery", level=11),
    ]


def test_a_strategy_may_not_lie_where_a_run_keeps_something_else() -> None:
    taken = [rewind_path(0), LevelKey(replicate=0, strategy=DENSE, level=3).path, "r/twin-1"]
    assert all(is_reserved(Path(path).name) for path in taken)
    assert not is_reserved("rewinding")
