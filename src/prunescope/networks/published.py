"""Which weights does a library publish for a network, and how are they downloaded?"""

import sys
import urllib.error
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn

from prunescope.base.errors import ConfigError, DownloadError, first_line, nearest
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.sizing import Sizing

DEFAULT = "DEFAULT"
_FAILURES = (urllib.error.URLError, HTTPException, OSError)


@dataclass(frozen=True, kw_only=True)
class Published:
    """Weights that a library publishes for one of its networks.

    num_classes: how many outputs they give it; None for a network without a classifier.
    input: what they were trained to see. measured_on: how photographs are sized to measure them.
    load: fetches them, and returns the network with them.
    """

    name: str
    num_classes: int | None
    input: NetworkInput
    measured_on: Sizing
    load: Callable[[], nn.Module]


def choose(wanted: str, published: Sequence[str], network: str, default: str | None) -> str:
    """Return the published weights that are meant.

    published: the names of all. default: what DEFAULT means; None where there are none.
    Raises ConfigError naming the nearest, and all there are.
    """
    if not published or default is None:
        raise no_published(network, wanted)
    if wanted == DEFAULT:
        return default
    if wanted not in published:
        hint = nearest(wanted, [*published, DEFAULT])
        raise ConfigError(
            f'{network} has no published weights "{wanted}"{hint}, '
            f"and there is no such file: it has {', '.join(published)}, or {DEFAULT}"
        )
    return wanted


def no_published(network: str, wanted: str) -> ConfigError:
    """Return the error for a network that no library publishes weights of."""
    return ConfigError(
        f'nobody publishes weights of {network}, and "{wanted}" is no file: give a file of weights'
    )


def fetch(url: str) -> Path:
    """Return the file that a URL names, from torch's cache; it is downloaded if it is not there.

    The cache is `hub/checkpoints` in TORCH_HOME. Where the name holds a part of the file's SHA-256,
    as torch's names do, what is downloaded must have it. Raises DownloadError, saying what to do.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if path.is_file():
        return path
    stated = torch.hub.HASH_REGEX.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            url, str(path), stated.group(1) if stated else None, progress=sys.stderr.isatty()
        )
    except (*_FAILURES, RuntimeError) as error:  # torch raises RuntimeError for a wrong hash
        raise DownloadError(
            f"the weights cannot be downloaded from {url}: {error}. "
            f"Download them elsewhere and put them at {path}"
        ) from error
    return path


def fetch_from_hub(repository: str, files: Iterable[str]) -> Path:
    """Return the first of these files that a repository on the Hugging Face hub has.

    It comes from the hub's cache (`hub` in HF_HOME) where it is there, else it is downloaded.
    repository: with a revision after "@", if need be. Raises DownloadError, saying what to do.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    name, _, revision = repository.partition("@")
    names = tuple(files)
    for file in names:
        try:
            return Path(hf_hub_download(name, file, revision=revision or None))
        except RemoteEntryNotFoundError:
            continue  # it is kept in another form
        except Exception as error:  # of whichever library the hub's client asks with
            where = f"https://huggingface.co/{name}/resolve/{revision or 'main'}/{file}"
            raise DownloadError(
                f"the weights cannot be downloaded from {where}: {first_line(error).rstrip('.')}. "
                "Download them elsewhere and give the file: --weights FILE"
            ) from error
    raise DownloadError(f"{name} on the Hugging Face hub has none of {', '.join(names)}")
