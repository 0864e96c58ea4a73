"""Build the site into build/site: gather its pages, have zensical make them, check the result.

Zensical runs no hooks, so everything it should see is put into a folder first. Its own check of
links knows Markdown links alone; `check` then looks at what a browser would see.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from check import problems_of
from outside import REPOSITORY, outside_files, with_turned_links
from reference import reference_page
from settings import settings_page

CONFIGURATION = REPOSITORY / "mkdocs.yml"
_OPTION = re.compile(r"(?<!`)`(--?\w[\w-]*(?: [^`\s]{1,12})?)`(?!`)")
GENERATED = {"settings.md": settings_page, "reference.md": reference_page}


def build_site(folder: Path) -> list[str]:
    """Build the site into `folder/site` from `folder/pages`; return what is wrong with it."""
    for part in ("pages", "site"):
        shutil.rmtree(folder / part, ignore_errors=True)
    gather(folder / "pages")
    shutil.copyfile(CONFIGURATION, folder / CONFIGURATION.name)
    zensical = [str(Path(sys.executable).with_name("zensical")), "build", "--clean", "--strict"]
    built = subprocess.run(zensical, cwd=folder, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        return [built.stdout + built.stderr]
    (folder / "site" / "404.html").unlink()  # for a server; from disk nobody comes to it
    return problems_of(folder / "site", yaml.safe_load(CONFIGURATION.read_text("utf-8"))["nav"])


def gather(pages: Path) -> None:
    """Put every page and picture into a folder, at its place in the site."""
    sources = outside_files()
    for path in (REPOSITORY / "docs").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            sources[path.relative_to(REPOSITORY / "docs").as_posix()] = path
    for place, source in sources.items():
        target = pages / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text = source.read_text(encoding="utf-8")
            text = _OPTION.sub(r"`\1`{: .whole }", with_turned_links(text, source, place))
            target.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    for place, page in GENERATED.items():
        (pages / place).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    (REPOSITORY / "build").mkdir(exist_ok=True)
    if problems := build_site(REPOSITORY / "build"):
        sys.exit("\n".join(problems))
