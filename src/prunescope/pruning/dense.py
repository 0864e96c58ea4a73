"""How large is the network from which channels were removed?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from prunescope.pruning.acting import count_parameters, layer_keys
from prunescope.pruning.flow import Flow


@dataclass(frozen=True, kw_only=True)
class DenseCounts:
    """The counts of the network of that name, before it lost channels.

    weights, filters: of its convolutions and linear layers; filters are their outputs.
    parameters: of everything that is trained. multiply_adds: for one image; None if unknown.
    """

    weights: int
    filters: int
    parameters: int
    multiply_adds: int | None = None
    _sizes: Mapping[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, network: nn.Module) -> "DenseCounts":
        """Count a network as it was built."""
        layers = {name: modules[0] for name, modules in layer_keys(network).items()}
        sizes = {
            name: layer.weight.numel()
            for name, layer in layers.items()
            if isinstance(layer.weight, Tensor)
        }
        return cls(
            weights=sum(sizes.values()),
            filters=sum(map(_outputs, layers.values())),
            parameters=count_parameters(network),
            _sizes=sizes,
        )

    def along(self, flow: Flow) -> "DenseCounts":
        """Return the counts with the multiply-adds of an image, given how it passes what is left.

        Removing channels leaves the cells of a map as they are.
        """
        cells = {name: each.cells for name, each in flow.layers.items()}
        products = sum(size * cells[name] for name, size in self._sizes.items() if name in cells)
        return replace(self, multiply_adds=products if cells else None)

    def as_dict(self) -> dict[str, int | None]:
        """Return the counts by name, for a program."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def _outputs(layer: nn.Module) -> int:
    return int(getattr(layer, "out_features", 0) or getattr(layer, "out_channels", 0))
