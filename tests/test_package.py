"""Does an installed package hold all that its modules read?"""

import tomllib
from pathlib import Path

import yaml

from prunescope.version import __version__

REPOSITORY = Path(__file__).parents[1]


def test_a_wheel_takes_every_file_that_is_no_module() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    package = REPOSITORY / "src" / "prunescope"
    patterns = project["tool"]["setuptools"]["package-data"]["prunescope"]
    taken = {path for pattern in patterns for path in package.glob(pattern)}
    files = {path for path in package.rglob("*") if path.is_file()}
    modules = {path for path in files if path.suffix in (".py", ".pyc")}
    assert package / "concepts" / "scenery" / "classes.txt" in files
    assert files - modules <= taken


def test_what_is_cited_is_this_version() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["title"] == "Prunescope"
