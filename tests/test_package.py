"""Does an installed package hold all that its modules read?"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def test_the_newest_versions_that_are_allowed_are_those_of_the_lock_file() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    stated = [
        *project["dependencies"],
        *(each for name in extras.keys() - {"dev"} for each in extras[name]),
    ]
    lines = (REPOSITORY / "requirements.lock").read_text().split()
    locked = {
        canonicalize_name(name): version
        for name, _, version in (each.partition("==") for each in lines)
    }
    for requirement in map(Requirement, stated):
        bounds = {bound.operator for bound in requirement.specifier}
        assert bounds == {">=", "<"}, requirement
        version = locked.get(canonicalize_name(requirement.name))
        if version is not None:  # extras of which nothing is tested are not there
            assert requirement.specifier.contains(version), requirement
            assert not requirement.specifier.contains(str(int(version.split(".")[0]) + 1)), (
                requirement
            )


def test_what_is_cited_is_this_version() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["title"] == "Prunescope"


@pytest.mark.long
def test_the_source_archive_makes_the_wheel_that_the_repository_makes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("src", "recipes"):
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, source / name, symlinks=True, ignore=skipped)
    for path in REPOSITORY.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, source)
    made = tmp_path / "made"
    _build("sdist", source, made)
    [archive] = made.glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert not (unpacked / "tests").exists()
    for name in ("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md"):
        assert (unpacked / name).is_file()
    direct = _contents(_build("wheel", source, made))
    assert direct["prunescope/recipes/demo.yaml"] == (REPOSITORY / "recipes/demo.yaml").read_bytes()
    assert _contents(_build("wheel", unpacked, tmp_path / "again")) == direct


def test_an_image_is_made_of_what_the_repository_has() -> None:
    lines = (REPOSITORY / "Containerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if re.match(r"COPY (?!--from)", line)]
    assert copied
    for name in (name for names in copied for name in names):
        assert (REPOSITORY / name).exists()


def _build(kind: str, source: Path, out: Path) -> Path:
    """Build an archive or a wheel as pip and build do, but with the setuptools that is here."""
    call = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    out.mkdir(exist_ok=True)
    built = subprocess.run(
        [sys.executable, "-c", call], cwd=source, check=True, capture_output=True, text=True
    )
    return out / built.stdout.splitlines()[-1]


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
