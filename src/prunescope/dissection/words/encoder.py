"""How is an encoder of images and words opened by its name?"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from PIL import Image

from prunescope.base.errors import ConfigError, InputError, first_line, nearest
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import a_kind, on_one_line, shortened
from prunescope.dissection.encoders import ENCODERS

_OPTION = re.compile(r",(?=[a-z_]+=)")
_PATH = re.compile(r"(?<=[:=])(~|\.{1,2})?/[^,]*")
_FAILURES = (OSError, ValueError, RuntimeError, LookupError, ImportError, AttributeError, TypeError)


@runtime_checkable
class Encoder(Protocol):
    """What makes rows of numbers of images and of words, of one length for both.

    The closer an image is to a word, the smaller the angle between their rows.
    """

    def encode_images(self, images: Sequence[Image.Image]) -> Any:
        """Return an array or a tensor with a row for each picture in RGB."""

    def encode_words(self, words: Sequence[str]) -> Any:
        """Return an array or a tensor with a row for each word."""


def open_encoder(name: str, device: torch.device, progress: Progress = SILENT) -> Encoder:
    """Open an encoder: `open-clip:MODEL`, `transformers:MODEL`, or `package.module:function`.

    Only such a function is user code, and it is called without arguments.
    Raises ConfigError for a name that there is not, a package that is not installed, and whatever
    opening a model raises, in a line.
    """
    head, _, model = name.partition(":")
    library = head.replace("_", "-")
    if library not in ENCODERS.names:
        return _of_the_user(name)
    model, *stated = _OPTION.split(model)
    options = dict(part.split("=", 1) for part in stated)
    _check_options(name, library, model, options)
    package: str = ENCODERS.stated(library, "PACKAGE")
    if find_spec(package) is None:
        raise ConfigError(
            f'encoder is "{_shown(name)}", but the package {package} is not installed: '
            "pip install 'prunescope[words]'"
        )
    try:
        with _without_logs():  # the libraries log what they also raise
            opened: Encoder = ENCODERS.call(library, model, options, device)
    except InputError as error:
        raise ConfigError(f'encoder "{_shown(name)}": {error}') from error
    except _FAILURES as error:
        reason = on_one_line(first_line(error).rstrip("."))
        raise ConfigError(
            f'encoder "{_shown(name)}" cannot be opened: {reason}; '
            "check the name, or give a file or a folder that is here"
        ) from error
    if getattr(opened, "is_random", False):
        progress.say(f"{_shown(name)} has random weights: name some with pretrained=")
    return opened


@contextmanager
def _without_logs() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _of_the_user(name: str) -> Encoder:
    """Return what a function of the user's returns, if it is an encoder."""
    if not ENCODERS.is_user_code(name):
        head = name.partition(":")[0]
        raise ConfigError(
            f'there is no encoder "{_shown(name)}"{nearest(head, ENCODERS.names)}: give '
            f"{', '.join(f'{library}:MODEL' for library in ENCODERS.names)} or "
            "package.module:function for one of your own"
        )
    opened = ENCODERS.call(name)
    if not isinstance(opened, Encoder):
        raise ENCODERS.fault(
            name,
            f"returns {a_kind(opened)}, but must return something with the methods encode_images "
            "and encode_words",
        )
    return opened


def _check_options(name: str, library: str, model: str, options: Mapping[str, str]) -> None:
    if not model:
        raise ConfigError(f'encoder is "{_shown(name)}", but names no model: {library}:MODEL')
    allowed: Mapping[str, str] = ENCODERS.stated(library, "OPTIONS") or {}
    for option in options:
        if option not in allowed:
            choice = ", ".join(f"{key}= ({what})" for key, what in allowed.items()) or "none"
            raise ConfigError(
                f'encoder "{_shown(name)}" has no option "{option}"{nearest(option, allowed)}: '
                f"{library} takes {choice}"
            )


def _shown(name: str) -> str:
    return on_one_line(shortened(name))


def title_of(name: str) -> str:
    """Return an encoder's name with the last parts of its paths alone."""
    return _PATH.sub(lambda found: Path(found[0]).name, name)
