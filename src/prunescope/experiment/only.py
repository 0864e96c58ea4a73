"""Which levels of a study are meant by `--only`?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import on_one_line, shortened
from prunescope.recipe import Recipe
from prunescope.results.layout import LevelKey

_NAMES = ("replicate", "strategy", "level")


@dataclass(frozen=True)
class Selection:
    """Values that a level's replicate, strategy or number may have; any where none is stated."""

    values: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, texts: Sequence[str], recipe: Recipe) -> "Selection":
        """Read conditions such as "replicate=1" or "strategy=lottery,level=2".

        Of one name any of the stated values will do; conditions of different names hold together.
        Raises ConfigError for one that the study has no level for.
        """
        allowed = {
            "replicate": [str(number) for number in range(recipe.replicates)],
            "strategy": [*recipe.pruning.strategies, *recipe.pruning.twin_names],
            "level": [str(number) for number in range(recipe.most_levels + 1)],
        }
        values: dict[str, set[str]] = {}
        for text in texts:
            for condition in text.split(","):
                name, equals, value = (part.strip() for part in condition.partition("="))
                _check(condition, name, equals, value, allowed)
                values.setdefault(name, set()).add(value)
        return cls({name: frozenset(stated) for name, stated in values.items()})

    def takes(self, key: LevelKey | None) -> bool:
        """Return whether a level is selected, or is level 0 of a selected one, its reference.

        key: None of what belongs to no level, which is taken where everything is.
        """
        if key is None:
            return not self.values
        facts = {"replicate": str(key.replicate)}
        if key.level > 0 or key.is_twin:
            facts |= {"strategy": key.strategy, "level": str(key.level)}
        return all(facts[name] in stated for name, stated in self.values.items() if name in facts)


def _check(
    condition: str, name: str, equals: str, value: str, allowed: Mapping[str, Sequence[str]]
) -> None:
    where = f"--only {on_one_line(shortened(condition))}"
    if not equals or name not in _NAMES:
        hint = nearest(name, _NAMES)
        raise ConfigError(f'{where}: write it as "replicate=1", "strategy=NAME" or "level=2"{hint}')
    if value not in allowed[name]:
        hint = nearest(value, allowed[name])
        has = ", ".join(allowed[name][:10]) + (", ..." if len(allowed[name]) > 10 else "")
        raise ConfigError(f"{where}: the study has no such {name}{hint}; it has {has}")
