"""What did the user save, and what is it in Python?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.formats import is_safetensors
from prunescope.base.paths import require_file
from prunescope.base.text import a_kind
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.comparison.saved import open_comparison
from prunescope.results.ablation import Ablation
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.evaluation import Evaluation
from prunescope.results.evaluation_pair import EvaluationPair, open_evaluation
from prunescope.results.kinds import (
    holds_weights,
    is_ablation,
    is_comparison,
    is_evaluation,
    is_level,
    is_run,
)
from prunescope.results.layout import COUNTS
from prunescope.results.opened import open_dissection
from prunescope.results.run import Level, Run

Saved: TypeAlias = (
    Run
    | Level
    | Dissection
    | LayerDissection
    | Comparison
    | RunComparison
    | Evaluation
    | EvaluationPair
    | Ablation
)
if TYPE_CHECKING:
    from prunescope.networks.loading import LoadedNetwork

    Loadable: TypeAlias = Saved | LoadedNetwork | pd.DataFrame
else:  # torch is loaded only where a network is meant
    LoadedNetwork = Loadable = Any


def load(
    path: Path | str,
    *,
    weights: Path | str | None = None,
    num_classes: int | None = None,
    key: str | None = None,
) -> Loadable:
    """Return what lies at a path, or the network of a name.

    path:
        a run folder (`run --out`)                  gives a Run
        the folder of a level in it                 a Level
        the folder of a dissection (`dissect --out`)  a Dissection
        the folder of one layer in it               a LayerDissection
        the folder of a comparison (`compare --out`)  a Comparison, or a RunComparison
        the folder of an evaluation (`evaluate --out`)  an Evaluation, of two networks
                                                    an EvaluationPair
        the folder of an ablation (`ablate --out`)  an Ablation
        a result table (CSV) of Network Dissection  a DataFrame: a row per unit, from 0, with
                                                    `concept`, `category`, `iou`, counts in pixels
        weights that say their network (`prune --out`)  a LoadedNetwork
        a folder of the Hugging Face hub            a LoadedNetwork, where timm has it
        a network's name ("torchvision:resnet18")   a LoadedNetwork
    weights, num_classes, key: for a network's name alone, as `load_network` takes them; without
        weights it is random. key: which network of a file that holds several ("model_ema").
    Where the type matters to a checker, take the class instead: `Run.load`, `Level.load`,
    `Dissection.load`, `LayerDissection.load`, `load_network`.
    Raises DataError for a path where there is nothing, or something else or damaged; ConfigError
    for a name that is no network's, or weights where there is no name.
    """
    if not isinstance(path, str | Path):
        raise ConfigError(
            f"what is to be loaded is {a_kind(path)}: give a path, or a network's name"
        )
    place = Path(path).expanduser()
    if not place.exists():
        return _named(str(path), weights, num_classes, key)
    if weights is not None or num_classes is not None:
        raise ConfigError(
            f"{place} is there already: weights and num_classes belong to a network's name, as in "
            f'load("torchvision:resnet18", weights="{weights or place}")'
        )
    if not place.is_dir():
        require_file(place)
        return _file(place)
    saved = _saved(place)
    if saved is None:
        return _hub_folder(place, key)
    if key is not None:
        raise ConfigError(f"{place} holds no file of several networks: leave out key")
    return saved


def _saved(path: Path) -> Saved | None:
    """Return the result that a folder holds; None where it holds none."""
    if is_run(path):
        return Run.load(path)
    if is_comparison(path):
        return open_comparison(path)
    if is_level(path):
        return Level.load(path)
    if is_evaluation(path):
        return open_evaluation(path)
    if is_ablation(path):
        return Ablation.load(path)
    if (path / COUNTS).is_file():
        return LayerDissection.load(path)
    if any(path.glob(f"*/{COUNTS}")):
        return Dissection.load(path)
    return None


def _hub_folder(path: Path, key: str | None) -> LoadedNetwork:
    from prunescope.networks.loading import load_network
    from prunescope.networks.reading.files import is_hub_folder, is_weights_folder

    if is_hub_folder(path):
        return load_network(str(path), key=key)
    if key is not None:
        raise ConfigError(f"{path} holds no file of several networks: leave out key")
    if is_weights_folder(path):
        raise _nameless(path)
    raise DataError(
        f"{path} is the folder of no run, level, dissection, layer, comparison, evaluation or "
        "ablation: it has none of their files"
    )


def _file(path: Path) -> LoadedNetwork | pd.DataFrame:
    if not holds_weights(path):
        return open_dissection(path).units
    from prunescope.networks.description import has_description
    from prunescope.networks.loading import load_network

    if is_safetensors(path) and has_description(path):
        return load_network(str(path))
    raise _nameless(path)


def _nameless(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} holds weights, but does not say of which network: "
        f'load("torchvision:resnet18", weights="{path}", num_classes=...)'
    )


def _named(
    name: str, weights: Path | str | None, num_classes: int | None, key: str | None
) -> LoadedNetwork:
    head = name.partition(",")[0]  # of "cifar_resnet20,width=0.5", without the options
    if ":" not in head and ("/" in head or Path(head).suffix):
        parent = Path(name).parent
        beside = [path.name for path in parent.iterdir()] if parent.is_dir() else []
        raise DataError(f"{name} does not exist{nearest(Path(name).name, beside)}")
    from prunescope.networks.loading import load_network

    return load_network(name, weights=weights, num_classes=num_classes, key=key)
