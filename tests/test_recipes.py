"""Are the shipped recipes studies that can be run as they say?"""

import json
from pathlib import Path

import pytest

from commands import Prunescope
from prunescope.data.images import find_split
from prunescope.experiment.sources import Sources
from prunescope.experiment.study import Study
from prunescope.recipe import load_recipe, shipped_recipe

REPOSITORY = Path(__file__).parents[1]
RECIPES = sorted((REPOSITORY / "recipes").glob("*"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_is_a_valid_study_named_like_its_file(recipe: Path) -> None:
    assert recipe.suffix == ".yaml"
    assert load_recipe(recipe).name == recipe.stem


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_comes_with_the_package(recipe: Path) -> None:
    assert shipped_recipe(recipe.stem) == load_recipe(recipe)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_saved_in_a_run_folder_is_the_same_study(recipe: Path, tmp_path: Path) -> None:
    study = load_recipe(recipe)
    (tmp_path / "study.yaml").write_text(study.to_yaml())
    assert load_recipe(tmp_path / "study.yaml") == study


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_folder_with_a_shipped_name_does_not_hide_the_recipe(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / recipe.stem).mkdir()
    (tmp_path / recipe.stem / "study.yaml").write_text("name: another")
    shipped = shipped_recipe(recipe.stem)
    assert load_recipe(recipe.stem) == load_recipe(Path(recipe.stem)) == shipped
    for name in (recipe.stem, Path(recipe.stem)):
        assert Study.load(name).to_yaml() == shipped.to_yaml()


def test_a_file_with_a_shipped_name_is_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_recipe("demo", ["seed=5"])
    (tmp_path / "demo").write_text(study.to_yaml())
    assert load_recipe("demo") == study


@pytest.mark.long
def test_run_takes_the_name_of_a_shipped_recipe(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    sources = [f"data.source={drawn / 'images'}", f"concepts.source=broden:{drawn}"]
    options = [word for source in sources for word in ("--set", source)]
    ended = prunescope("run", "demo", "--dry-run", "--json", *options)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out.splitlines()[-1])["to_do"]


@pytest.mark.long
def test_a_dry_run_of_the_demo_plans_all_its_stages_and_writes_nothing(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    sources = [f"data.source={drawn / 'images'}", f"concepts.source=broden:{drawn}"]
    command = ["run", REPOSITORY / "recipes" / "demo.yaml", "--dry-run", "--json"]
    options = [word for source in sources for word in ("--set", source)]
    ended = prunescope(*command, *options, "--out", tmp_path / "run")
    assert ended.status == 0, ended.err
    found = json.loads(ended.out.splitlines()[-1])
    rewind_point, levels = 1, 6
    assert len(found["to_do"]) == 2 * (rewind_point + 4 * levels)
    assert found["done"] == []
    assert found["seconds"] > 0
    assert found["disk"] > 0
    assert not (tmp_path / "run").exists()


CHEAP = ["training.batch_size=4", "training.precision=float32", "dissection.quantile=0.1"]
CHEAP += ["dissection.resolution=64", "dissection.batch_size=2"]


IMAGENET = [*CHEAP, "data.resolution=32", "data.evaluation.resize=32"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cifar10_resnet20", ["pruning.rewind_to=1ep"]),  # one step: there are 20 pictures
        ("tiny_imagenet_resnet18", CHEAP),
        ("imagenet_resnet50", IMAGENET),
    ],
)
def test_a_full_study_is_planned_down_to_the_papers_last_level(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, name: str, changes: list[str]
) -> None:
    sources = [f"data.source={drawn / 'images'}", f"concepts.source=broden:{drawn}"]
    options = [word for change in (*sources, *changes) for word in ("--set", change)]
    command = ["run", REPOSITORY / "recipes" / f"{name}.yaml", "--dry-run", "--json"]
    ended = prunescope(*command, *options, "--out", tmp_path / "run", "--workers", 1)
    assert ended.status == 0, ended.err
    found = json.loads(ended.out.splitlines()[-1])
    rewind_point, levels, replicates = 1, 16, 3
    assert len(found["to_do"]) == replicates * (rewind_point + 4 * levels)
    assert not (tmp_path / "run").exists()
    [strategy] = load_recipe(command[1]).pruning.strategies.values()
    assert (1 - strategy.fraction) ** strategy.levels == pytest.approx(0.035, abs=5e-4)


@pytest.mark.real
def test_the_recipe_on_photographs_finds_them_beside_the_folder_it_is_run_in(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "shared").symlink_to(shared)
    recipe = REPOSITORY / "recipes" / "tiny_imagenet_small.yaml"
    monkeypatch.chdir(checkout)
    study = load_recipe(recipe).anchored()
    monkeypatch.chdir("/")  # from now on its folders are absolute
    assert find_split(study.data.source, study.data.train_split) == "train"
    assert find_split(study.data.source, study.data.test_split) == "val"
    sources = Sources(study)
    assert len(sources.concepts.images) == 2_000
    assert Path(study.data.source).samefile(shared / "data" / "tiny-imagenet")


def test_a_study_without_places_names_its_sources_alone(tmp_path: Path) -> None:
    study = shipped_recipe("demo")
    (tmp_path / "photos").mkdir()
    basis = {"basis": f"{tmp_path}/q.safetensors"}
    there = study.model_copy(
        update={
            "data": study.data.model_copy(update={"source": str(tmp_path / "photos")}),
            "concepts": study.concepts.model_copy(update={"source": f"broden:{tmp_path}/set"}),
            "dissection": study.dissection.model_copy(update=basis),
        }
    )
    text = there.placeless().to_yaml()
    assert str(tmp_path) not in text
    assert "source: photos" in text
    assert "source: broden:set" in text
    assert "basis: q.safetensors" in text


def test_the_paths_of_joined_concept_sets_are_made_absolute_or_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = shipped_recipe("demo")
    source = "coco:a/labels.json,images=photos,boxes=true + scenes + voc:b/V"
    named = study.model_copy(
        update={"concepts": study.concepts.model_copy(update={"source": source})}
    )
    assert named.anchored().concepts.source == (
        f"coco:{tmp_path}/a/labels.json,images={tmp_path}/photos,boxes=true + scenes + "
        f"voc:{tmp_path}/b/V"
    )
    assert named.placeless().concepts.source == (
        "coco:labels.json,images=photos,boxes=true + scenes + voc:V"
    )
