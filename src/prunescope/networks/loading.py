"""Which network is meant, and with which weights?"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.formats import SUFFIXES
from prunescope.networks.at_most import AtMost
from prunescope.networks.description import Description, belongs_to, read_description
from prunescope.networks.hub_folder import describe_hub_folder
from prunescope.networks.names import as_name
from prunescope.networks.published import DEFAULT, Published
from prunescope.networks.reading.files import is_hub_folder, weights_file
from prunescope.networks.reading.values import refuse_not_finite
from prunescope.networks.registry import build, find_published, network_input
from prunescope.networks.smaller import fit_smaller
from prunescope.networks.weights import weights_for
from prunescope.results.layout import WEIGHTS

RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork(Description):
    """A network with its weights, in evaluation mode, on the CPU.

    module: the network itself. name: as `build` takes it. num_classes: None where the network
    chose it itself. input: what it expects to see; None where nothing says so.
    measured_on: how photographs are sized to measure published weights; None for all others.
    units: which units are left of the layers that have lost some, by their numbers in the network
        of that name; None where it is whole, or where nothing says so (`unnumbered`).
    """

    module: nn.Module
    unnumbered: bool = False


@dataclass(frozen=True, kw_only=True)
class FoundNetwork:
    """What a name and weights stand for, before anything is built.

    weights: a file or folder, or what a library publishes; None leaves the network random.
    named_by: the weights that say which network it is, where no user does.
    """

    description: Description
    weights: Path | Published | None
    named_by: Path | None = None

    def build(self) -> nn.Module:
        """Make the network, without its weights (seed 0).

        Raises DataError where it is far larger than weights that name it.
        """
        described = self.description
        limit = (
            nullcontext()
            if self.named_by is None
            else AtMost(self.named_by, whole=described.units is None)
        )
        with limit:
            return build(described.name, num_classes=described.num_classes, seed=0)

    def load(self, module: nn.Module, state: Mapping[str, Tensor]) -> LoadedNetwork:
        """Return what was built with the weights of its file, smaller where these are.

        state: under the network's names. Raises DataError as `fit_smaller` does.
        """
        described = self.description
        side = described.input.resolution if described.input else None
        smaller = fit_smaller(module, state, str(self.weights), described.units, side)
        unnumbered = smaller and described.units is None
        return LoadedNetwork(module=module.eval(), unnumbered=unnumbered, **vars(described))


def load_network(
    name: Path | str,
    *,
    weights: Path | str | None = None,
    num_classes: int | None = None,
    key: str | None = None,
) -> LoadedNetwork:
    """Make a named network and load its weights, or open weights that know their network.

    num_classes: outputs of a named network; its own number (1,000, or 10 for CIFAR) when None.
    name: as `build` takes it, or a folder that holds a level's weights.safetensors, or a file that
        `prunescope prune` wrote, or a folder of the Hugging Face hub whose config.json names a
        network of timm.
    weights: a file or folder as `read_stored` takes it, in any form (docs/networks.md); or, as
        text, what a library publishes, see `find_weights`; None and "random" leave a network
        random (seed 0).
    key: which network of a file that holds several ("state_dict_ema").
    Raises ConfigError for a wrong name or an argument that contradicts a level, DataError for
    weights that are absent, damaged or do not fit, DownloadError for those that do not come.
    """
    name = as_name(name)
    found = find_network(name, weights=weights, num_classes=num_classes)
    chosen = found.weights
    if key is not None and not isinstance(chosen, Path):
        raise ConfigError(f"--key {key} chooses a network in a file of weights: give --weights")
    if isinstance(chosen, Published):
        module = chosen.load()
        refuse_not_finite(module.state_dict(), f"{name} {chosen.name}")
    else:
        module = found.build()
        if chosen is not None:
            return found.load(module, weights_for(module, chosen, key))
    return LoadedNetwork(module=module.eval(), **vars(found.description))


def find_network(
    name: str, *, weights: Path | str | None = None, num_classes: int | None = None
) -> FoundNetwork:
    """Find the network that `load_network` would load, and its weights, without loading them.

    Weights that belong to this very network also say what it expects to see.
    Raises what `load_network` raises for a wrong name or an argument that contradicts another.
    """
    implied = implied_weights(name)
    if implied is not None:
        if weights is not None:
            raise ConfigError(f"{name} has weights of its own: leave out --weights {weights}")
        read = describe_hub_folder if implied.is_dir() else read_description
        described = _of_classes(read(implied), name, num_classes)
        return FoundNetwork(description=described, weights=implied, named_by=implied)
    chosen = find_weights(name, weights)
    if isinstance(chosen, Published):
        described = Description(
            name=name,
            num_classes=chosen.num_classes,
            input=chosen.input,
            measured_on=chosen.measured_on,
        )
        _of_classes(described, f"the weights {chosen.name} of {name}", num_classes)
    elif chosen is not None and belongs_to(weights_file(chosen), name):
        described = read_description(weights_file(chosen), name)
        _of_classes(described, str(chosen), num_classes)
    else:
        described = Description(name=name, num_classes=num_classes, input=network_input(name))
    return FoundNetwork(description=described, weights=chosen)


def describe_network(
    name: str, *, weights: Path | str | None = None, num_classes: int | None = None
) -> Description:
    """Describe the network that `load_network` would load, see `find_network`."""
    return find_network(name, weights=weights, num_classes=num_classes).description


def find_weights(name: str, weights: Path | str | None) -> Path | Published | None:
    """Return the file of weights that is meant, or what a library publishes under that name.

    weights: text that holds a slash or ends as files of weights do, or that names a file or folder
        that is there, is a file; any other is "DEFAULT" or a name as `find_published` takes it.
        "random", like None, is neither: an untrained network, as a control.
    """
    if weights == RANDOM:
        return None
    if weights is None or isinstance(weights, Path):
        return weights
    return Path(weights) if names_a_file(weights) else find_published(name, weights)


def names_a_file(weights: str) -> bool:
    """Return whether stated weights are a file, see `find_weights`, no published name."""
    path = Path(weights)
    is_file = "/" in weights or path.suffix in SUFFIXES or path.exists()
    return is_file and weights not in (DEFAULT, RANDOM)


def implied_weights(name: str) -> Path | None:
    """Return the weights that a name itself leads to: a file, or a folder of the Hugging Face hub.

    None if it is a network's name. Raises DataError for a folder that is neither that nor a level,
    ConfigError for another file of weights.
    """
    path = Path(name)
    level = path / WEIGHTS
    if level.is_file():
        return level
    if is_hub_folder(path):
        return path
    if "/" in name and path.is_dir():
        raise DataError(
            f"{path} is not a level of a run: it has no {WEIGHTS}; name the network, and "
            "give the folder, or the file in it, as its --weights"
        )
    if path.suffix in SUFFIXES and path.suffix != ".safetensors" and path.is_file():
        raise ConfigError(
            f"{name} is a file of weights that does not say its network: name that, and give the "
            f"file as its weights (NETWORK --weights {name})"
        )
    return path if path.suffix == ".safetensors" else None


def _of_classes(described: Description, what: str, num_classes: int | None) -> Description:
    """Return a description. Raises ConfigError where another number of classes is asked for."""
    if num_classes not in (None, described.num_classes):
        raise ConfigError(
            f"{what} has {described.num_classes} classes, not {num_classes}: "
            "leave out --num-classes"
        )
    return described
