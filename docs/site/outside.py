"""How do links of the pages to files outside docs/ work in the site as they do in the repository?

mkdocs calls these two functions by their names.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).parents[2]
OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "recipes/*.yaml")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Take these files into the site, at their places in the repository."""
    for pattern in OUTSIDE:
        for path in sorted(REPOSITORY.glob(pattern)):
            name = path.relative_to(REPOSITORY).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links of a page, which are relative to its place in the repository, to its place here.

    In the site what lies in docs/ lies beside what lies in the repository's root.
    """
    if page.file.abs_src_path is None:  # made for the site
        return markdown
    here = PurePosixPath(page.file.src_uri).parent
    folder = Path(page.file.abs_src_path).parent

    def turned(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[1]))
        inside = target.is_relative_to(REPOSITORY / "docs")
        root = REPOSITORY / "docs" if inside else REPOSITORY
        if not target.is_relative_to(root):
            return link[1]
        return PurePosixPath(os.path.relpath(target.relative_to(root), here)).as_posix()

    return _LINK.sub(turned, markdown)
