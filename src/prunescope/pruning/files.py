"""How are weights in a file pruned, whichever tool wrote them?"""

from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import ConfigError
from prunescope.base.text import align, number, percent
from prunescope.networks.loading import LoadedNetwork, find_network, load_network
from prunescope.pruning.acting import count_parameters
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.prunable import (
    behaviour_of,
    describe_left_out,
    left_out,
    prunable_names,
)
from prunescope.pruning.prune import prune_module
from prunescope.pruning.saved import SavedWeights, check_as_recorded, read_mask, read_weights
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.zeros import UnmarkedZeros, mask_of_nonzero, unmarked_zeros


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """A network with zeros where its mask says so.

    zeros: zeros that no mask marked as pruned, if there were more than chance leaves; they were
        treated as any other weight.
    untried: it is not known whether the network's own code changes pruned weights.
    """

    network: LoadedNetwork
    mask: Mask
    zeros: UnmarkedZeros | None = None
    untried: bool = False

    @property
    def _layers(self) -> dict[str, Mask]:
        return {name: Mask({name: kept}) for name, kept in self.mask.items()}

    @property
    def emptied(self) -> list[str]:
        """Tensors without a weight left."""
        return [name for name, layer in self._layers.items() if not layer.survivors]

    def as_dict(self) -> dict[str, object]:
        """Return the counts by name, for a program."""
        module = self.network.module
        return {
            "keep": self.mask.keep,
            "keep_overall": self.mask.keep_overall(module),
            "survivors": self.mask.survivors,
            "prunable": self.mask.size,
            "unmarked_zeros": 0 if self.zeros is None else self.zeros.count,
            "left_out": left_out(module, self.mask),
            "parameters": count_parameters(module),
            "layers": {
                name: {"weights": layer.size, "survivors": layer.survivors, "keep": layer.keep}
                for name, layer in self._layers.items()
            },
        }

    def __str__(self) -> str:
        rows = [
            (name, number(layer.size), number(layer.survivors), percent(layer.keep))
            for name, layer in self._layers.items()
        ]
        overall = self.mask.keep_overall(self.network.module)
        dense = left_out(self.network.module, self.mask)
        text = (
            f"{align([('layer', 'weights', 'kept', 'keep'), *rows])}\n\n"
            f"{self.mask.survivors:,} of {self.mask.size:,} prunable weights kept, "
            f"{percent(self.mask.keep)}; of all parameters {percent(overall)}"
        )
        return f"{text}\n{describe_left_out(dense)}" if dense else text


def prune_saved(
    name: str,
    settings: PruneSettings,
    *,
    weights: Path | str | None,
    key: str | None = None,
    num_classes: int | None = None,
    mask: Path | None = None,
    infer_mask: bool = False,
) -> Pruned:
    """Read a network's weights and mask, whichever tool wrote them, and prune it.

    name, weights, key, num_classes: as `load_network` takes them; weights are required, in any form
        that `read_weights` knows or as a library publishes them.
    mask: None takes the mask in the file or beside it. infer_mask: treat every prunable weight of
        zero as pruned, and without a mask every other weight as alive.
    settings: where they state nothing to keep, no more is pruned than by the mask.
    Raises ConfigError and DataError, as `prune` and `read_weights` do.
    """
    network, saved = open_saved(name, weights, num_classes, mask, key)
    module, pruned = network.module, saved.mask
    behaviour = behaviour_of(module)
    names = prunable_names(module, settings.prunable, behaviour)
    zeros = None if infer_mask else unmarked_zeros(saved.state, names, pruned)
    if infer_mask:
        pruned = mask_of_nonzero(saved.state, names, pruned)
    if settings.prunes:
        pruned = prune_module(module, settings, mask=pruned, behaviour=behaviour)
    if pruned is None:
        raise ConfigError(
            f"{saved.path} has no mask: say how much to --keep, or, where its zeros are pruned "
            "weights, --infer-mask"
        )
    MaskKeeper(module, pruned)
    return Pruned(network=network, mask=pruned, zeros=zeros, untried=behaviour.untried)


def open_saved(
    name: str,
    weights: Path | str | None,
    num_classes: int | None,
    mask: Path | None,
    key: str | None,
) -> tuple[LoadedNetwork, SavedWeights]:
    """Return a network with its weights, and these as they were saved, with their mask.

    All arguments as `prune_saved` takes them; raises what it raises.
    """
    found = find_network(name, weights=weights, num_classes=num_classes)
    chosen = found.weights
    if chosen is None:
        raise ConfigError(
            f"{name} would be pruned with random weights: give trained ones, --weights FILE or the "
            "name of published ones (--weights DEFAULT)"
        )
    if not isinstance(chosen, Path):
        network = load_network(name, weights=weights, num_classes=num_classes, key=key)
        beside = None if mask is None else read_mask(mask)
        state = network.module.state_dict()
        return network, SavedWeights(path=Path(chosen.name), state=state, mask=beside)
    module = found.build()
    check_as_recorded(chosen)
    saved = read_weights(chosen, mask, key).named_as_in(module.state_dict())
    return found.load(module, saved.state), saved
