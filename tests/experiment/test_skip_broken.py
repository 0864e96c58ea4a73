"""Does a study leave the same broken images out of every level, and say so wherever it reports?"""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from commands import Prunescope, check_refused
from concepts.broken import copied, flip, write_broden
from prunescope.base.errors import DataError
from prunescope.experiment.run import dry_run, run_study
from prunescope.recipe import Recipe
from prunescope.results.run import Run
from runs import contents, tiny_recipe

BROKEN = 7
SAID = "1 broken image left out of every count: 007.jpg"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with a broken image, and one that never had it, both called `set`."""
    root = tmp_path_factory.mktemp("sets")
    write_broden(root / "whole/set")
    write_broden(root / "never/set", without=[BROKEN])
    flip(copied(root / "whole/set", root / "broken/set") / "images/maps/007_object.png")
    return root


def study(drawn: Path, concepts: Path, *, skip_broken: bool, **dissection: object) -> Recipe:
    """Return a study of one pruned level, in seconds."""
    values: dict[str, Any] = tiny_recipe(drawn)
    values["training"] |= {"to": "1ep", "milestones": []}
    values["pruning"] = {"rewind_to": "1it", "strategies": {"lottery": {"levels": 1}}}
    values["concepts"] = {"source": f"broden:{concepts}"}
    values["dissection"] |= {"layers": ["layer3"], "null": 3, "skip_broken": skip_broken}
    values["dissection"] |= {"quantile": 0.02, **dissection}
    return Recipe.validate_from(values | {"replicates": 1}, "the test")


@pytest.mark.long
def test_a_study_counts_as_if_the_broken_image_had_never_been_there(
    drawn: Path, sets: Path, tmp_path: Path, prunescope: Prunescope
) -> None:
    skipping = study(drawn, sets / "broken/set", skip_broken=True)
    out, never = tmp_path / "run", tmp_path / "never"
    run_study(skipping, out, workers=2)
    run_study(study(drawn, sets / "never/set", skip_broken=False), never, workers=1)
    for table in ("levels.csv", "units.parquet", "intervals.csv", "unit_shares.parquet"):
        assert (out / "tables" / table).read_bytes() == (never / "tables" / table).read_bytes()
    for file in ("units.parquet", "overlap.safetensors", "images.parquet", "masks.parquet"):
        for level in ("level-00", "lottery/level-01"):
            inner = f"replicate-0/{level}/dissection/layer3/{file}"
            assert (out / inner).read_bytes() == (never / inner).read_bytes(), inner
    units = pd.read_parquet(out / "tables/units.parquet")
    assert units["intersection"].sum() > 0

    (left_out,) = json.loads((out / "provenance.json").read_text())["sources"]["concepts"][
        "left_out"
    ]
    assert left_out["image"] == "007.jpg"
    page = (out / "report/index.html").read_text()
    assert page.count(SAID) >= 3  # of the study, below its levels, and how it was made
    assert SAID in Run.load(out)._repr_html_()
    shown = prunescope("summary", out, "--json")
    assert json.loads(shown.out)["left_out"] == [left_out]
    assert SAID in prunescope("summary", out).out
    compared = prunescope("compare", out, never)
    assert f"in A, {SAID}; in B, none was left out" in compared.err

    before = contents(out)
    shutil.rmtree(out / "replicate-0/lottery/level-01/dissection")
    (out / "tables/levels.csv").unlink()
    run_study(skipping, out, workers=1)
    assert contents(out) == before
    record = json.loads((out / "provenance.json").read_text())
    assert record["sources"]["concepts"]["left_out"] == [left_out]


def test_by_default_a_study_stops_at_the_first_before_it_trains(
    drawn: Path, sets: Path, tmp_path: Path
) -> None:
    stopping = study(drawn, sets / "broken/set", skip_broken=False)
    with pytest.raises(DataError, match=r"007_object\.png .*--skip-broken"):
        run_study(stopping, tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_a_dry_run_looks_at_sound_images_alone(drawn: Path, sets: Path, tmp_path: Path) -> None:
    skipping = study(drawn, sets / "broken/set", skip_broken=True)
    assert dry_run(skipping, tmp_path / "run").seconds > 0


def test_a_missing_label_map_is_named_with_what_to_do(
    drawn: Path, sets: Path, tmp_path: Path
) -> None:
    root = copied(sets / "whole/set", tmp_path / "set")
    (root / "images/maps/007_object.png").unlink()
    with pytest.raises(DataError, match=r"007_object\.png .*--skip-broken"):
        run_study(study(drawn, root, skip_broken=False), tmp_path / "run", workers=1)


def test_too_many_broken_images_end_a_study_before_it_trains(
    drawn: Path, sets: Path, tmp_path: Path
) -> None:
    root = copied(sets / "broken/set", tmp_path / "set")
    flip(root / "images/maps/100_object.png")
    with pytest.raises(DataError, match="more than 1 % of the 120 images"):
        run_study(study(drawn, root, skip_broken=True), tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_the_default_enters_no_key(drawn: Path, sets: Path) -> None:
    keys = [
        study(drawn, sets / "whole/set", skip_broken=skip_broken).dissection.for_key()
        for skip_broken in (False, True)
    ]
    assert keys[1] == {**keys[0], "skip_broken": True}


def test_the_commands_take_it(sets: Path, tmp_path: Path, prunescope: Prunescope) -> None:
    network = ["cifar_resnet20,width=0.25", "--num-classes", "10"]
    used = ["--concepts", f"broden:{sets / 'broken/set'}", "--layer", "layer3"]
    used += ["--quantile", 0.02, "--resolution", 16]
    check_refused(prunescope("dissect", *network, *used), "007_object.png", "--skip-broken")
    ended = prunescope("dissect", *network, *used, "--skip-broken", "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    assert SAID in ended.out
    assert SAID in ended.err
    checked = prunescope("concepts", "check", f"broden:{sets / 'broken/set'}")
    assert checked.status == 2
    assert "--skip-broken" in checked.out
