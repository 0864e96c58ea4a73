"""As what can a result be shared?"""

from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["dissection", "weights", "concepts"]

KINDS: tuple[str, ...] = get_args(Kind)
