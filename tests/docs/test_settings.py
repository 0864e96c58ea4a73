"""Does the page of settings hold each of them with its text?"""

import importlib.util
from pathlib import Path

from prunescope.recipe import recipe_schema

SITE = Path(__file__).parents[2] / "docs" / "site"


def test_every_setting_has_a_row_with_its_text() -> None:
    spec = importlib.util.spec_from_file_location("settings_page", SITE / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page, schema = module.settings_page(), recipe_schema()
    for model in (schema, *schema["$defs"].values()):
        assert model["description"] in page
        for name, setting in model["properties"].items():
            text = setting["description"].replace("\n\n", " ").replace("|", r"\|")
            assert any(
                row.startswith(f"| `{name}` |") and row.endswith(f"| {text} |")
                for row in page.splitlines()
            ), name
    assert "## `pruning.strategies.NAME`" in page
