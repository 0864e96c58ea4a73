"""What does the name of a concept set ask for?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.progress import SILENT, Progress

_OPTION = re.compile(r",(?=[a-z_]+=)")
COMMON = {
    "names": "a table of name and label, the labels' new names",
    "categories": "a table of name and category",
    "size": "the side in pixels that label maps are brought to",
    "every": "N takes the first image of every N of a folder, as of a video's frames",
}
"""The options that a set of any kind takes."""

COMMON_PATHS = ("names", "categories")
"""Which of these are paths."""

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A concept set that is to be opened.

    name: as it was given, `KIND:PLACE,OPTION=VALUE,...`
    kind, place, options: its parts; a place may hold commas
    split, limit: which of its images, see `select_images`
    lenient: open a set even with faults in it, as far as the kind can, so that a check reports them
    skip_broken: images that are gone count as images of the set, as far as the kind can tell
    """

    name: str
    kind: str
    place: str
    options: Mapping[str, str]
    split: str | None = None
    limit: int | None = None
    lenient: bool = False
    skip_broken: bool = False
    progress: Progress = field(default=SILENT, repr=False)

    @property
    def path(self) -> Path:
        """The place, as a path."""
        return Path(self.place).expanduser()

    def option_path(self, option: str) -> Path | None:
        """Return an option that is a path; None where it is not stated."""
        stated = self.options.get(option)
        return None if stated is None else Path(stated).expanduser()

    def is_true(self, option: str) -> bool:
        """Return whether an option is true; it is false where it is not stated."""
        stated = self.options.get(option, "false")
        if stated not in _TRUTH:
            raise self._refusal(option, f'is "{stated}"{nearest(stated, _TRUTH)}', _TRUTH)
        return _TRUTH[stated]

    def choice(self, option: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices of an option; the first where it is not stated."""
        stated = self.options.get(option, choices[0])
        if stated not in choices:
            raise self._refusal(option, f'is "{stated}"{nearest(stated, choices)}', choices)
        return stated

    def _refusal(self, option: str, fault: str, allowed: Iterable[str]) -> ConfigError:
        return ConfigError(
            f'{option} of the concept set "{self.name}" {fault}: give {" or ".join(allowed)}'
        )


def whole_number(name: str, option: str, stated: str) -> int:
    """Return an option of a set's name that is a whole number from 1 on. Raises ConfigError."""
    if not stated.isdecimal() or int(stated) < 1:
        raise ConfigError(
            f'{option} of the concept set "{name}" is "{stated}", but must be a whole number from '
            "1 on"
        )
    return int(stated)


def split_name(name: str) -> tuple[str, str, dict[str, str]]:
    """Return kind, place and options of a set's name. Raises ConfigError for an option twice."""
    head, *stated = _OPTION.split(name)
    kind, _, place = head.partition(":")
    options: dict[str, str] = {}
    for part in stated:
        key, _, value = part.partition("=")
        if key in options:
            raise ConfigError(f'the concept set "{name}" states {key} twice: keep one')
        options[key] = value
    return kind, place, options
