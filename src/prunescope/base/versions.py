"""Which versions of what decides numbers does this process compute with?"""

import importlib.metadata

from prunescope.version import __version__

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow")
"""What computes numbers, or reads what they are computed from."""


def versions_here() -> tuple[tuple[str, str], ...]:
    """Return the versions of Prunescope and of the packages that decide numbers, by name.

    Empty for a package that is not installed.
    """
    return (("prunescope", __version__), *((name, _version(name)) for name in _PACKAGES))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
