"""At which indices is a mask true?"""

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor


def true_indices(mask: Bool[Tensor, "..."]) -> Int64[Tensor, " index"]:
    """Return the indices into the flattened mask at which it is true, ascending.

    On a CPU NumPy's search takes a third of the time of torch's.
    """
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]
