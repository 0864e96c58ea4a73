"""Which settings may a recipe have? A page of the site, made from their classes."""

import json
from collections.abc import Iterator
from typing import Any

from prunescope.recipe import recipe_schema

PAGE = "settings.md"
_BEGINNING = """\
# Every setting of a recipe

This page lists all that a recipe can say; the [glossary](glossary.md) explains the words.
`run --set a.b=c` changes one setting. `prunescope schema` prints the same for an editor, with all
bounds: save its output in a file, and begin a recipe with `# yaml-language-server: $schema=FILE`.
"""


def settings_page() -> str:
    """Return the page: a table for each group of settings."""
    schema = recipe_schema()
    return "\n".join([_BEGINNING, *_sections(schema, schema, "")])


def _sections(schema: dict[str, Any], model: dict[str, Any], path: str) -> Iterator[str]:
    title = f"`{path.rstrip('.')}`" if path else "The recipe"
    yield f"## {title}\n\n{model['description']}\n\n| setting | default | |\n|---|---|---|"
    for name, setting in model["properties"].items():
        text = setting["description"].replace("\n\n", " ").replace("|", r"\|")
        yield f"| `{name}` | {_default(model, name, setting)} | {text} |"
    yield ""
    for name, setting in model["properties"].items():
        for step, inner in _groups(schema, setting):
            yield from _sections(schema, inner, f"{path}{name}.{step}")


def _default(model: dict[str, Any], name: str, setting: dict[str, Any]) -> str:
    if name in model.get("required", ()):
        return "needed"
    value = setting.get("default")
    return "" if value is None else f"`{json.dumps(value)}`"


def _groups(schema: dict[str, Any], setting: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the groups of settings that a setting holds, and what stands between their names."""
    several = setting.get("additionalProperties")
    for step, place in (("", setting), ("NAME.", several if isinstance(several, dict) else {})):
        for variant in (place, *place.get("anyOf", ())):
            if "$ref" in variant:
                yield step, schema["$defs"][variant["$ref"].rpartition("/")[2]]
