"""Which network for semantic segmentation does a name stand for?"""

from pathlib import Path

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.files import hash_file
from prunescope.base.modules import checked_network, in_float32
from prunescope.imaging.channels import check_channels
from prunescope.imaging.network_input import Normalisation
from prunescope.networks.loading import names_a_file
from prunescope.networks.names import factory_source
from prunescope.networks.registry import build
from prunescope.networks.segmentation.segmenter import (
    FORMS,
    Segmenter,
    checked_names,
    read_class_names,
    show_at,
)
from prunescope.networks.segmentation.settings import SegmentationSettings
from prunescope.networks.weights import load_weights


def open_segmenter(settings: SegmentationSettings) -> Segmenter:
    """Return the network that settings name.

    Raises ConfigError for a name or an option that cannot be, DataError for files that cannot be
    used, DownloadError for what does not come.
    """
    origin, colon, entry = settings.model.partition(":")
    names = None if settings.names is None else read_class_names(Path(settings.names).expanduser())
    if not colon or not entry or origin in ("timm", "shipped"):
        hint = nearest(origin, ("torchvision", "transformers")) if colon else ""
        raise ConfigError(
            f'"{settings.model}" is no network for semantic segmentation{hint}: {FORMS}'
        )
    if origin == "torchvision":
        from prunescope.networks.segmentation.of_torchvision import open_torchvision

        return open_torchvision(entry, names, settings)
    if origin == "transformers":
        from prunescope.networks.segmentation.of_transformers import open_transformers

        return open_transformers(entry, names, settings)
    return _open_factory(names, settings)


def _open_factory(names: tuple[str, ...] | None, settings: SegmentationSettings) -> Segmenter:
    """Return what a user's function makes; it may name its outputs itself, in `classes`."""
    model = settings.model
    source = factory_source(model)
    assert source is not None
    stated = {name: getattr(settings, name) for name in ("resolution", "mean", "std")}
    missing = [f"--{name}" for name, value in stated.items() if value is None]
    if settings.resolution is None or settings.mean is None or settings.std is None:
        raise ConfigError(f"the input of {model} is not known: give {' '.join(missing)}")
    weights = settings.weights
    if weights is not None and not names_a_file(weights):
        raise ConfigError(
            f'nobody publishes weights of {model}, and "{weights}" is no file: give a file, or '
            "leave out --weights and load them in the function"
        )
    classes = None if names is None else len(names)
    module = in_float32(checked_network(build(model, num_classes=classes, seed=0)))
    if weights is not None:
        load_weights(module, Path(weights).expanduser())
    of_network = getattr(module, "classes", None)
    if names is None and not (
        isinstance(of_network, list | tuple) and all(isinstance(each, str) for each in of_network)
    ):
        raise ConfigError(
            f"what the outputs of {model} mean is not known: give --names, a file with a line for "
            "each, or the network a list of names as its attribute classes"
        )
    normalisation = Normalisation(mean=settings.mean, std=settings.std)
    check_channels(module, len(normalisation.mean))
    prepare, seen = show_at(settings.resolution, normalisation)
    return Segmenter(
        name=model,
        module=module.eval(),
        weights="its own" if weights is None else Path(weights).name,
        classes=names or checked_names(of_network or (), f"{model}.classes"),
        prepare=prepare,
        seen=seen,
        made_by={"factory": hash_file(source)},
    )
