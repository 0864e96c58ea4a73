"""How do links of the pages to files outside docs/ work both in the repository and in the site?"""

import os
import re
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).parents[2]
OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "recipes/*.yaml")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")


def outside_files() -> dict[str, Path]:
    """Return the files that the site takes in from outside docs/, by their place in the site."""
    return {
        path.relative_to(REPOSITORY).as_posix(): path
        for pattern in OUTSIDE
        for path in sorted(REPOSITORY.glob(pattern))
    }


def with_turned_links(markdown: str, source: Path, place: str) -> str:
    """Return a page whose relative links lead from its place in the site, not in the repository.

    In the site what lies in docs/ lies beside what lies in the repository's root.
    source: the page's file. place: its path in the site.
    """
    here = PurePosixPath(place).parent

    def turned(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / link[1]))
        inside = target.is_relative_to(REPOSITORY / "docs")
        root = REPOSITORY / "docs" if inside else REPOSITORY
        if not target.is_relative_to(root):
            return link[1]
        return PurePosixPath(os.path.relpath(target.relative_to(root), here)).as_posix()

    return _LINK.sub(turned, markdown)
