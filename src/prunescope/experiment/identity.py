"""What identifies a study's network and given weights in keys?"""

from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import hash_file
from prunescope.experiment.stage import PlannedStudy
from prunescope.networks.names import factory_source
from prunescope.recipe import StartSettings

WEIGHTS_NAME, REWIND_WEIGHTS_NAME = "start.weights", "start.rewind_weights"
_OF_TRAINING = ("train_split", "resolution", "mean", "std")
"""The settings of the photographs that training depends on, beside their content."""
_LATER_OF_TRAINING = ("limit", "label_noise")
"""More of them, younger than some keys: they count where they are not at their defaults."""


def network_identity(study: PlannedStudy) -> dict[str, Any]:
    """Return what any network of a study depends on, by name."""
    recipe = study.recipe
    stated = recipe.data.for_key()
    data = {name: stated.get(name) for name in _OF_TRAINING}
    data |= {name: stated[name] for name in _LATER_OF_TRAINING if name in stated}
    settings = {
        "network": recipe.network,
        "data": data,
        "content": study.facts.data.fingerprint,
    }
    source = factory_source(recipe.network)
    return settings if source is None else settings | {"network_source": hash_file(source)}


def weights_identity(start: StartSettings) -> dict[str, Any]:
    """Return what level 0 takes from given weights: their content, and how it is read.

    Raises DataError where they are absent.
    """
    from prunescope.networks.reading.files import weights_file
    from prunescope.pruning.saved import mask_beside, read_mask

    identity = {"weights": content_of(start.weights, WEIGHTS_NAME)}
    beside = mask_beside(weights_file(Path(start.weights)))
    if beside.is_file():
        mask = read_mask(beside)
        if mask.survivors < mask.size:  # one of ones says nothing
            identity["mask"] = hash_file(beside)
    stated = start.for_key()
    return identity | {name: stated[name] for name in ("key", "infer_mask") if name in stated}


def rewind_weights_identity(start: StartSettings) -> dict[str, Any]:
    """Return what the rewind point takes from given weights, as `weights_identity`."""
    assert start.rewind_weights is not None  # else there is no such stage
    identity = {"weights": content_of(start.rewind_weights, REWIND_WEIGHTS_NAME)}
    return identity if start.rewind_key is None else identity | {"key": start.rewind_key}


def content_of(path: str, setting: str) -> str:
    """Return the hash of given weights. Raises DataError where they are absent."""
    from prunescope.networks.reading.files import content_hash

    if not Path(path).exists():
        raise DataError(
            f"{setting} is {path}, but there is no such file, nor such a level of a run"
        )
    return content_hash(Path(path))
