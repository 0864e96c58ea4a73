"""Which files does a path of weights lead to: one, a level's, or the shards in a folder?"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import fingerprint, hash_file
from prunescope.base.formats import INDEX, refuse_foreign_folder
from prunescope.base.text import on_one_line, shortened
from prunescope.results.layout import WEIGHTS

CONFIG = "config.json"
OPENLTH_MASK = "mask.pth"
_OPENLTH_NETWORK = re.compile(r"model_ep\d+_it\d+\.pth")
_HUB_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def weights_file(path: Path) -> Path:
    """Return the file that a path of weights means: itself, a level's, or a hub folder's.

    A hub folder is one as `save_pretrained` and the Hugging Face hub have it. Raises DataError
    where there is none.
    """
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"the weights {path} do not exist, or are no file")
        return path
    for name in (WEIGHTS, *_HUB_FILES):
        if (path / name).is_file():
            return path / name
    refuse_foreign_folder(path)
    names = ", ".join((WEIGHTS, *_HUB_FILES))
    raise DataError(f"{path} is a folder without weights: it has none of {names}; name the file")


def is_hub_folder(path: Path) -> bool:
    """Return whether a path is a folder of the Hugging Face hub: a config.json and weights."""
    return (path / CONFIG).is_file() and is_weights_folder(path)


def is_weights_folder(path: Path) -> bool:
    """Return whether a path is a folder that holds weights under a name of the Hugging Face hub."""
    return any((path / name).is_file() for name in _HUB_FILES)


def is_openlth_network(path: Path) -> bool:
    """Return whether a file has the name of an OpenLTH network, whose mask is `mask.pth`."""
    return _OPENLTH_NETWORK.fullmatch(path.name) is not None


def is_index(path: Path) -> bool:
    """Return whether a file lists the shards in which weights are kept."""
    return path.name.endswith(INDEX)


def read_index(path: Path) -> dict[Path, list[str]]:
    """Return the shards that an index lists, and the names of the tensors in each.

    Raises DataError for a damaged index, a shard that is missing, and one that is not a file in
    the same folder: a link, or a path that leads elsewhere.
    """
    try:
        weight_map = json.loads(path.read_bytes())["weight_map"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged: it has no weight_map ({on_one_line(shortened(repr(error)))})"
        ) from None
    if not isinstance(weight_map, Mapping) or not weight_map:
        raise DataError(f"{path} is damaged: its weight_map lists no tensors")
    shards: dict[Path, list[str]] = {}
    for name, shard in weight_map.items():
        shards.setdefault(_shard(path, shard), []).append(name)
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing:
        raise DataError(
            f"{path} lists {len(shards)} shards, but {', '.join(missing[:3])} "
            f"{'is' if len(missing) == 1 else 'are'} not in its folder: fetch what is missing"
        )
    return shards


def content_hash(path: Path) -> str:
    """Return a hash of all that a path of weights means: of a single file, its own."""
    file = weights_file(path)
    if not is_index(file):
        return hash_file(file)
    files = [file, *read_index(file)]
    return fingerprint([[part.name, hash_file(part)] for part in files])


def bytes_on_disk(path: Path) -> int:
    """Return the size of all that a path of weights means, shards together."""
    file = weights_file(path)
    files = [file, *(read_index(file) if is_index(file) else ())]
    return sum(part.stat().st_size for part in files)


def _shard(index: Path, name: Any) -> Path:
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise DataError(
            f"{index} places tensors in {name!r:.80}, which is not the name of a file beside it"
        )
    shard = index.parent / name
    if shard.is_symlink() and not _is_in_hub_cache(index.parent, shard):
        raise DataError(
            f"{index} places tensors in {name}, which is a link: put the file itself there"
        )
    return shard


def _is_in_hub_cache(folder: Path, shard: Path) -> bool:
    """Return whether a link is one of the hub's cache: from snapshots/REVISION into blobs."""
    above = folder.resolve().parents
    return (
        len(above) > 1
        and above[0].name == "snapshots"
        and shard.resolve().parent == above[1] / "blobs"
    )
