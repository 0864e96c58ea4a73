"""Where does work run? Every module here is an engine, by its name, but those that help."""

from prunescope.base.registry import Registry

ENGINES = Registry(
    kind="engine",
    package="prunescope.engines",
    function="make",
    but=frozenset({"engine", "ray_cluster", "ray_group", "ray_worker"}),
)
