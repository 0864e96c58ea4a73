"""Does each text of a setting stand once, and reach everyone who may set it?"""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from typer.core import TyperGroup

import prunescope
from prunescope.base.settings import Settings, unfolded
from prunescope.cli import app
from prunescope.cli.group import whole
from prunescope.dissection.run import DissectOptions
from prunescope.dissection.settings import ConceptSettings, DissectionSettings, SharedOptions
from prunescope.dissection.words.settings import WordSettings
from prunescope.networks.segmentation.settings import SegmentationOptions, SegmentationSettings
from prunescope.pruning.settings import PruneOptions, PruneSettings
from prunescope.recipe import Recipe, recipe_schema
from prunescope.training.settings import EvaluationOptions, EvaluationSettings

SOURCES = Path(prunescope.__file__).parent
FEWEST_WORDS = 4


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, without the names that they explain."""
    for sentence in re.split(r"(?<=\.) |\n\n", unfolded(text)):
        explanation = re.sub(r'^["\w, -]+: ', "", sentence).strip(" .").lower()
        if len(explanation.split()) >= FEWEST_WORDS:
            yield explanation


def strings(tree: ast.AST) -> Iterator[str]:
    """Yield docstrings, texts of attributes, and what is given as help or description."""
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Expr | ast.keyword) else None
        is_text = not isinstance(node, ast.keyword) or node.arg in ("help", "description")
        if is_text and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def settings_texts() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every field of the settings of this package."""
    classes = list(Settings.__subclasses__())
    for model in classes:
        classes += model.__subclasses__()
        if model.__module__.startswith("prunescope"):
            for name, field in model.model_fields.items():
                if name in model.__annotations__:
                    yield f"{model.__name__}.{name}", field.description or ""


def test_no_text_of_a_setting_stands_twice() -> None:
    found = Counter[str]()
    for path in SOURCES.rglob("*.py"):
        for text in strings(ast.parse(path.read_text(encoding="utf-8"))):
            found.update(set(sentences(text)))
    said = {sentence for _, text in settings_texts() for sentence in sentences(text)}
    assert len(said) > 80
    assert {sentence: found[sentence] for sentence in said if found[sentence] != 1} == {}


def options() -> Iterator[Any]:
    """Yield every command with the settings that its options set."""
    concepts = {
        "concepts" if name == "source" else name: field
        for name, field in ConceptSettings.model_fields.items()
    }
    for name, fields in {
        "dissect": {**concepts, **DissectionSettings.model_fields, **WordSettings.model_fields},
        "conventions": {**concepts, **DissectionSettings.model_fields},
        "compare": {**concepts, **DissectionSettings.model_fields},
        "chance": {**concepts, **DissectionSettings.model_fields},
        "evaluate": EvaluationSettings.model_fields,
        "prune": PruneSettings.model_fields,
    }.items():
        yield pytest.param(name, fields, id=name)


@pytest.mark.parametrize(("name", "fields"), list(options()))
def test_a_command_says_of_a_setting_what_its_field_says(name: str, fields: Any) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    shown = {param.name: param for param in whole(group.commands[name]).params}
    named = (fields.keys() & shown.keys()) - {"layer", "convention"}
    assert len(named) > 4
    for option in named:
        text = unfolded(fields[option].description).partition("\n")[0]
        assert shown[option].help == text
        if shown[option].default is not None:
            assert shown[option].default == fields[option].get_default()


@pytest.mark.parametrize(
    ("options", "models", "but"),
    [
        (DissectOptions, (ConceptSettings, DissectionSettings, WordSettings), {"source", "layers"}),
        (
            SharedOptions,
            (DissectionSettings,),
            {"layers", "convention", "formulas", "beam", "formula_draws"},
        ),
        (EvaluationOptions, (EvaluationSettings,), set()),
        (PruneOptions, (PruneSettings,), {"keep"}),
        (SegmentationOptions, (SegmentationSettings,), {"model"}),
    ],
)
def test_functions_take_every_setting_but_those_given_otherwise(
    options: type, models: tuple[type[Settings], ...], but: set[str]
) -> None:
    fields = {name for model in models for name in model.model_fields}
    assert set(get_type_hints(options)) == fields - but


@pytest.mark.parametrize(
    ("function", "models"),
    [
        (prunescope.dissect, (ConceptSettings, DissectionSettings, WordSettings)),
        (prunescope.conventions, (DissectionSettings,)),
        (prunescope.evaluate, (EvaluationSettings,)),
        (prunescope.prune, (PruneSettings,)),
        (prunescope.segment, (SegmentationSettings,)),
        (prunescope.Study, (Recipe,)),
    ],
)
def test_help_explains_each_setting_of_a_function(
    function: Any, models: tuple[type[Settings], ...]
) -> None:
    said = " ".join((inspect.getdoc(function) or "").split())
    fields = {name: field for model in models for name, field in model.model_fields.items()}
    taken = [name for name in inspect.signature(function).parameters if name in fields]
    assert len(taken) >= 5
    for name in taken:
        text = unfolded(fields[name].description).partition("\n")[0]
        assert name == "layers" or f"{name}: {text}" in said


def test_the_schema_describes_each_setting_as_its_field_does() -> None:
    schema = recipe_schema()
    models = {"Recipe": schema, **schema["$defs"]}
    texts = {name: unfolded(text) for name, text in settings_texts()}
    for title, model in models.items():
        for name, field in model["properties"].items():
            assert field["description"] == texts[f"{title}.{name}"]
