"""How does a recipe say which tensors are pruned?"""

from fnmatch import fnmatchcase
from typing import Annotated, TypeAlias

from pydantic import Field, model_validator

from prunescope.base.settings import Settings
from prunescope.pruning.choices import PrunableConvention

Patterns = tuple[Annotated[str, Field(min_length=1)], ...]


class PrunablePatterns(Settings):
    """Tensors by their names, among the weights of convolutions and linear layers.

    In a pattern * stands for any characters, ? for one, [ab] for either.
    """

    include: Annotated[Patterns, Field(min_length=1)] = ("*",)
    """Patterns of the names of tensors that are pruned, as in [layer4.*, "*.conv1.weight"]; by
    default all."""
    exclude: Patterns = ()
    """Patterns of those that stay, even where they are included."""

    @model_validator(mode="after")
    def _agree(self) -> "PrunablePatterns":
        if self.include == ("*",) and not self.exclude:
            raise ValueError('nothing is left out: write prunable: all, or give exclude: ["fc.*"]')
        return self

    def names(self, tensor: str) -> bool:
        """Return whether a tensor of this name is pruned."""
        is_included = any(fnmatchcase(tensor, pattern) for pattern in self.include)
        return is_included and not any(fnmatchcase(tensor, pattern) for pattern in self.exclude)

    def unmatched(self, tensors: tuple[str, ...]) -> list[str]:
        """Return the patterns that match none of the tensors."""
        return [
            pattern
            for pattern in (*self.include, *self.exclude)
            if not any(fnmatchcase(tensor, pattern) for tensor in tensors)
        ]

    def __str__(self) -> str:
        without = f" without {', '.join(self.exclude)}" if self.exclude else ""
        return f"{', '.join(self.include)}{without}"


Prunable: TypeAlias = PrunableConvention | PrunablePatterns
"""Which tensors are pruned, see `prunable_names`."""
