"""Which versions of what decides numbers does this process compute with?"""

import importlib.metadata
from functools import cache
from pathlib import Path

from prunescope import version
from prunescope.base.files import fingerprint, hash_file

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow")
"""What computes numbers, or reads what they are computed from."""

_DIGITS = 12  # of a checksum that is shown


def versions_here() -> tuple[tuple[str, str], ...]:
    """Return the versions of Prunescope and of the packages that decide numbers, by name.

    That of Prunescope has a checksum of its modules, since many commits have the same version.
    Empty for a package that is not installed.
    """
    ours = f"{version.__version__} (code {_checksum_of_modules()[:_DIGITS]})"
    return (("prunescope", ours), *((name, _version(name)) for name in _PACKAGES))


@cache
def _checksum_of_modules() -> str:
    package = Path(version.__file__).parent
    modules = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    return fingerprint({name: hash_file(path) for name, path in modules.items()})


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
