"""Which layers does a named network have?"""

from prunescope.base.devices import computing_with
from prunescope.base.errors import ConfigError
from prunescope.dissection.layers import Layers, survey_layers
from prunescope.networks.hollow import build_hollow
from prunescope.networks.loading import describe_network


@computing_with(1)
def layers_of(
    name: str,
    *,
    weights: str | None = None,
    num_classes: int | None = None,
    resolution: int | None = None,
    axes: str | None = None,
) -> Layers:
    """Return the layers of a network and what they put out, without its weights.

    name, weights, num_classes: as `load_network` takes them; of weights only the size of image
        that they expect is asked. resolution: side of the image in pixels; None takes that size.
    axes: of their outputs, where they cannot be told, as `parse_axes` takes them.
    Raises ConfigError where nothing says the size, or the network cannot take such an image.
    """
    described = describe_network(name, weights=weights, num_classes=num_classes)
    side = resolution or (described.input.resolution if described.input else None)
    if side is None:
        raise ConfigError(f"nothing says which size of images {name} takes: give --resolution")
    module = build_hollow(described.name, num_classes=described.num_classes)
    return survey_layers(module, side, axes)
