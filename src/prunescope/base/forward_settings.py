"""What can be chosen of a forward pass, in a dissection and in an evaluation alike?"""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from prunescope.base.images import Arithmetic, Precision
from prunescope.base.settings import Batch, Later

ForwardBatch = Annotated[
    Batch,
    Field(description="Images per forward pass; it changes no more than the last digits."),
]
ForwardPrecision = Annotated[
    Precision,
    Field(description="The forward pass in float32, or in bfloat16 where autocast allows."),
]
ForwardArithmetic = Annotated[
    Arithmetic,
    Later(meant="plain"),
    Field(
        description="How float32 is computed: folded (batch normalisation within the convolution "
        "before it and, on CPUs, channels last in memory), plain (operation by operation, as the "
        "network states them), or compiled (as torch.compile fuses them: it takes a C++ compiler "
        "and, at first, some time). bfloat16 is always plain."
    ),
]


def plain_in_bfloat16(values: Any) -> Any:
    """Return the values of settings with plain arithmetic where they state bfloat16 and none.

    Raises ValueError where they state another arithmetic with it.
    """
    if not isinstance(values, Mapping) or values.get("precision") != "bf16":
        return values
    arithmetic = values.get("arithmetic") or "plain"
    if arithmetic in get_args(Arithmetic) and arithmetic != "plain":
        raise ValueError(
            f"arithmetic is {arithmetic}, but with precision bf16 it is always plain: what folding "
            "rounds otherwise would be rounded to 8 bits; leave it out, or take precision float32"
        )
    return {**values, "arithmetic": arithmetic}
