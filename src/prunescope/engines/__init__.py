"""Where does work run? Every module here but `engine` is an engine, by its name."""

from prunescope.base.registry import Registry

ENGINES = Registry(
    kind="engine", package="prunescope.engines", function="make", but=frozenset({"engine"})
)
