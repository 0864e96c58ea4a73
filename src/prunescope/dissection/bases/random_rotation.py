"""A random orthogonal matrix for each layer, from `basis_seed`.

All are equally likely (Haar measure). Bau et al. 2017 (section 3.2) rotate so: if concepts belonged
to no axis, as many would be found.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from prunescope.base.progress import Progress
from prunescope.base.seeding import torch_generator
from prunescope.dissection.forward import Observation

DRAWN = True


def directions(
    _observation: Observation, units: Mapping[str, int], seed: int, _progress: Progress
) -> dict[str, Tensor]:
    """Draw a matrix for each layer, from a stream of its name."""
    return {layer: draw(count, seed, layer).float() for layer, count in units.items()}


def draw(count: int, seed: int, layer: str) -> Tensor:
    """Return an orthogonal matrix [count, count] in float64.

    Q of a Gaussian matrix's QR decomposition is uniform only if its columns' signs are those that
    make the diagonal of R positive (Mezzadri 2007); the decomposition itself fixes them otherwise.
    """
    generator = torch_generator(seed, "basis", layer)
    gaussian = torch.randn(count, count, dtype=torch.float64, generator=generator)
    orthogonal, triangular = torch.linalg.qr(gaussian)
    uniform: Tensor = orthogonal * triangular.diagonal().sign()
    return uniform
