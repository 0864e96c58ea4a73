"""Are formulas of a study's levels those of a dissection, and searched again from saved masks?"""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from prunescope.concepts import open_concepts
from prunescope.experiment.run import run_study
from prunescope.experiment.single import dissect_network
from prunescope.networks.loading import load_network
from prunescope.recipe import Recipe
from prunescope.results.opened import open_dissection
from prunescope.results.run import Run
from runs import tiny_recipe

LEVEL = "replicate-0/lottery/level-01"


def recipe_with(drawn: Path, **dissection: Any) -> Recipe:
    values = tiny_recipe(drawn)
    values["training"] |= {"to": "2ep", "milestones": []}
    strategies = {"lottery": {"levels": 1, "fraction": 0.5}}
    values["pruning"] = {"rewind_to": "1ep", "strategies": strategies}
    values["dissection"] |= {"layers": ["layer3"], **dissection}
    return Recipe.validate_from(values | {"replicates": 1}, "the test")


@pytest.mark.long
def test_a_study_finds_formulas_and_searches_again_without_dissecting(
    drawn: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = recipe_with(drawn, formulas=2, beam=3)
    run_study(first, run, workers=1)
    found = open_dissection(run / LEVEL)["layer3"]
    assert found.formulas is not None
    assert set(found.formulas["length"]) == {1, 2}
    masks = run / LEVEL / "dissection/layer3/masks.parquet"
    made = masks.stat().st_ino
    longer = recipe_with(drawn, formulas=3, beam=5, formula_draws=1)
    run_study(longer, run, workers=1)
    assert masks.stat().st_ino == made
    found = open_dissection(run / LEVEL)["layer3"]
    concepts = open_concepts(
        longer.concepts.source, split=longer.concepts.split, limit=longer.concepts.limit
    )
    network = load_network(str(run / LEVEL))
    alone = dissect_network(network, longer.dissection, concepts)["layer3"]
    assert found.formulas is not None
    assert alone.formulas is not None
    pd.testing.assert_frame_equal(found.formulas, alone.formulas)
    assert found.summary["formulas"] == alone.summary["formulas"]
    units = Run.load(run).tables.units
    assert units["formula"].notna().any()
