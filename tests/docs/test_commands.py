"""Is every command and every line of Python in the pages one that exists?"""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import prunescope
from prunescope.cli import app

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "benchmarks").glob("*.md")),
    *sorted((REPOSITORY / "recipes").glob("*.yaml")),
]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"^(?:    |# {3})(?=prunescope |make )((?:.*\\\n)*.*)$", re.M)
SPAN = re.compile(r"`((?:prunescope|make) [^`]+)`")


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """Yield the command lines of a page, in blocks and in running text, as words."""
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(block for language, block in FENCED.findall(text) if language != "python")
    shell = re.sub(r"^(?=\S)", "    ", shell, flags=re.M)
    for found in (INDENTED, SPAN):
        for line in found.findall(f"{text}\n{shell}\n"):
            ours = line.replace("\\\n", " ").partition(" > ")[0]  # the rest is the shell's
            words = shlex.split(ours, comments=True)
            if words[0] == program and "--help" not in words:
                yield words[1:]


def found_in(program: str) -> list[Any]:
    return [
        pytest.param(words, id=f"{page.relative_to(REPOSITORY)}: {' '.join(words)}")
        for page in PAGES
        for words in commands(page, program)
    ]


def python_blocks() -> list[Any]:
    return [
        pytest.param(block, id=f"{page.name}: {block.splitlines()[0]}")
        for page in PAGES
        for language, block in FENCED.findall(page.read_text(encoding="utf-8"))
        if language == "python"
    ]


def parse(words: list[str]) -> list[str]:
    """Parse a command line without running it; return the names of the commands in it.

    Raises what the command line itself would stop at: an option that does not exist, a value
    of another type, an argument too many or too few.
    """
    command, context, names = typer.main.get_command(app), None, list[str]()
    context = command.make_context("prunescope", list(words))
    while isinstance(command, typer.core.TyperGroup):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None
        names.append(str(name))
        context = command.make_context(str(name), rest, parent=context)
    return names


@pytest.mark.parametrize("words", found_in("prunescope"))
def test_a_command_in_the_pages_can_be_parsed(words: list[str]) -> None:
    assert parse(words)
    for word in words:
        if word.startswith("recipes/"):
            assert (REPOSITORY / word).is_file()


@pytest.mark.parametrize(
    "line",
    [
        "run recipes/demo.yaml --oout X",
        "run",
        "status one two",
        "dissect cifar_resnet20 --layer layer3",
        "concepts show scenes",
        "rnu recipes/demo.yaml",
    ],
)
def test_a_command_that_does_not_exist_cannot_be_parsed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)missing|no such|unexpected"):
        parse(line.split())


def test_the_readme_shows_what_a_user_does_first() -> None:
    shown = {parse(words)[0] for words in commands(REPOSITORY / "README.md", "prunescope")}
    assert shown >= {"run", "status", "dissect", "evaluate", "summary", "concepts"}


@pytest.mark.parametrize("words", found_in("make"))
def test_a_make_target_in_the_pages_exists(words: list[str]) -> None:
    rules = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in words:
        assert "=" in target or re.search(rf"^{target}:", rules, re.M), target


def test_no_make_target_but_soak_goes_on_for_hours() -> None:
    rules = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    chosen = re.findall(r'-m pytest .*-m ("[^"]*"|\w+)', rules)
    assert len(chosen) == rules.count("-m pytest")
    assert [marks for marks in chosen if not marks.endswith('not soak"')] == ["soak"]


@pytest.mark.parametrize("block", python_blocks())
def test_python_in_the_pages_uses_names_that_exist(block: str) -> None:
    tree = ast.parse(block)
    modules = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
        if name.name == "prunescope"
    }
    assert modules, "the block imports nothing of ours"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_one_of(node.value, modules):
            assert node.attr in prunescope.__all__
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and _is_one_of(node.func.value, modules)
        ):
            named = {word.arg: word.value for word in node.keywords if word.arg is not None}
            inspect.signature(getattr(prunescope, node.func.attr)).bind(*node.args, **named)


def test_what_the_readme_reads_off_a_result_is_there() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    [block] = [block for language, block in FENCED.findall(text) if language == "python"]
    read = {
        node.attr
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute) and _is_one_of(node.value, {"result"})
    }
    assert read
    assert read <= set(dir(prunescope.Dissection))


def _is_one_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names
