"""Which engine performs a study's stages, and how many at once?"""

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted
from prunescope.engines import ENGINES
from prunescope.engines.engine import Engine
from prunescope.recipe import Recipe


def find_engine(
    recipe: Recipe, workers: int | None, gpus: int | None, name: str, address: str | None
) -> Engine:
    """Return an engine that has so many workers, or GPUs, or as many as suit the study.

    name, address: of the engine. Raises ConfigError where it has not the GPUs that are asked for.
    """
    each = recipe.sharing.gpus
    stages = workers or stages_on(recipe, gpus)
    engine: Engine = ENGINES.find(name)(stages, independent_chains(recipe), address)
    if stages is None and each > 1:  # not one for each GPU
        stages = max(1, min(engine.workers, engine.gpus // each))
        engine = ENGINES.find(name)(stages, independent_chains(recipe), address)
    needed = max(gpus or 0, each if each > 1 else 0)
    if needed and needed > engine.gpus:
        where = "this machine" if name == "local" else "the cluster"
        raise ConfigError(
            f"{counted(needed, 'GPU')} are asked for, but {where} has {engine.gpus or 'none'}: ask "
            "for fewer (--gpus, resources.gpus), or for none to take what there is"
        )
    return engine


def stages_on(recipe: Recipe, gpus: int | None) -> int | None:
    """Return how many stages so many GPUs have room for; None where no number is asked for."""
    return None if gpus is None else max(1, gpus // recipe.sharing.gpus)


def independent_chains(recipe: Recipe) -> int:
    """Return how many chains of trainings a study has."""
    return recipe.replicates * len(recipe.pruning.strategies)


def engine_here() -> Engine:
    """Return the engine for what takes no time: tables, figures and page."""
    engine: Engine = ENGINES.find("local")(1, 1)
    return engine
