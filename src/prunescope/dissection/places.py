"""Where in a tensor is it true?"""

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor


def true_places(mask: Bool[Tensor, "..."]) -> Int64[Tensor, " place"]:
    """Return the places, in the flattened tensor, at which it is true; they ascend.

    On a CPU NumPy's search takes a third of the time of torch's.
    """
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]
