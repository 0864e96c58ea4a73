"""Do the benchmarks end with one JSON object that says under which conditions it holds?"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from runs import tiny_recipe

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = "cifar_resnet20,width=0.25"


def figures(name: str, *options: object) -> dict[str, Any]:
    """Run a benchmark in a process of its own; return its last line."""
    command = [sys.executable, str(BENCHMARKS / name), *map(str, options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert found["conditions"].keys() >= {"commit", "machine", "cores", "packages", "started"}
    return found


def dissecting(drawn: Path) -> tuple[str, ...]:
    """Return the options that make a dissection a small one."""
    return ("--network", SMALL, "--layer", "layer3", "--concepts", f"broden:{drawn}")


@pytest.mark.long
def test_startup_counts_pythons_own_time_in() -> None:
    found = figures("startup.py", "--runs", 1)
    assert found["runs"] == 1
    assert 0 < found["python_alone_seconds"] < found["help_seconds"]


@pytest.mark.slow
def test_listing_layers_is_timed_as_a_whole_command() -> None:
    found = figures("layers.py", "--runs", 1, "--network", SMALL)
    assert found["import_torch_seconds"] > 0
    assert found["list_layers_seconds"] > 0
    assert (found["layers"], found["resolution"]) == (60, 32)


@pytest.mark.slow
def test_an_index_is_opened_in_processes_of_their_own() -> None:
    found = figures("index.py", "--runs", 1, "--rows", 500)
    assert found["images"] == found["rows"] == 500
    assert found["cpu_seconds"] > 0
    assert 0 < found["imports_mib"] <= found["peak_mib"]


@pytest.mark.slow
def test_a_file_of_annotations_is_opened_in_processes_of_their_own() -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")
    small = ("--images", 50, "--polygons", 400, "--maps", 5, "--runs", 1)
    found = figures("sources.py", *small)
    assert found["images"] == found["found"] == 50
    assert found["maps"] == 5
    assert 0 < found["imports_mib"] <= found["peak_mib"]
    assert all(found[name] > 0 for name in ("seconds", "map_ms", "map_cpu_ms"))


@pytest.mark.slow
def test_formats_are_compared_with_brodens_layout() -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")
    found = figures("formats.py", "--images", 8, "--pairs", 1)
    for kind in ("coco", "panoptic", "voc", "ade20k", "cityscapes", "hf"):
        assert 0 < found[kind]["least"] <= found[kind]["ratio"] <= found[kind]["most"]


@pytest.mark.long
def test_counting_is_compared_with_the_naive_oracle_which_counts_the_same(drawn: Path) -> None:
    found = figures("tally.py", *dissecting(drawn), "--images", 8, "--resolution", 64, "--pairs", 1)
    for name in ("tally_times_faster", "with_thresholds_times_faster"):
        assert 0 < found[name]["least"] <= found[name]["median"] <= found[name]["most"]
    assert found["units"] == 16


@pytest.mark.slow
def test_a_dissection_is_compared_with_a_bare_pass(drawn: Path) -> None:
    sizes = ("--images", 20, "--resolution", 32, "--pairs", 1, "--batch-size", 8)
    found = figures("dissection.py", *dissecting(drawn), *sizes)
    assert found["images"] == 20
    assert found["passes"] == {"layer3": 1}
    assert 0 < found["ratio"]["least"] <= found["ratio"]["median"] <= found["ratio"]["most"]
    assert found["phases_of_bare"].keys() >= {"forward", "tally", "saving"}


@pytest.mark.slow
def test_the_seconds_of_compiling_stand_beside_those_of_a_dissection(drawn: Path) -> None:
    sizes = ("--images", 24, "--resolution", 32, "--pairs", 1, "--batch-size", 8)
    found = figures("dissection.py", *dissecting(drawn), *sizes, "--arithmetic", "compiled")
    assert found["compiling_seconds"].keys() == {"first", "again"}
    assert found["compiling_seconds"]["first"] > 0
    assert found["ratio"]["least"] > 0


@pytest.mark.slow
def test_bfloat16_is_set_beside_float32_and_memory_is_measured_on_either_side(drawn: Path) -> None:
    sizes = ("--images", 20, "--resolution", 32, "--pairs", 1, "--batch-size", 8)
    more = ("--precision", "bf16", "--memory-too", "--memory", 0)
    found = figures("dissection.py", *dissecting(drawn), *sizes, *more)
    assert found["passes"] == {"layer3": 2}
    assert found["peak_mib"]["whole"] > found["peak_mib"]["bare"] > 100
    change = found["change_from_float32"]["layer3"]
    assert 0 <= change["iou"]["median"] <= change["iou"]["most"] < 1
    assert 0 < change["same_label"] <= 1


@pytest.mark.slow
def test_a_dissection_with_association_is_compared_with_one_without(drawn: Path) -> None:
    sizes = ("--images", 20, "--resolution", 32, "--pairs", 1)
    found = figures("association.py", *dissecting(drawn), *sizes)
    for name in ("ratio", "processor_ratio"):
        assert 0 < found[name]["least"] <= found[name]["median"] <= found[name]["most"]
    assert found["processor_milliseconds_an_image"]["without"] > 0


@pytest.mark.slow
def test_formulas_are_timed_on_what_is_made_up_and_on_a_real_set(drawn: Path) -> None:
    found = figures("formulas.py", "--images", 12, "--units", 8, "--length", 2)
    assert (found["units"], found["labels"], found["images"]) == (8, 1197, 12)
    assert found["pairs_of_unit_and_atom"] > found["masks"] > 0
    found = figures("formulas.py", *dissecting(drawn), "--images", 20, "--draws", 1)
    assert [each["length"] for each in found["by_length"]] == [1, 2, 3]


@pytest.mark.slow
def test_processes_share_a_dissection(drawn: Path) -> None:
    found = figures("processes.py", *dissecting(drawn), "--images", 40, "--pairs", 1)
    assert found["processes"] == 2
    assert found["seconds_alone"] > 0
    assert 0 < found["least"] <= found["times_faster"] <= found["most"]


@pytest.mark.long
def test_training_compares_steps_and_loops() -> None:
    options = ("--case", "resnet20", "--pairs", 1, "--steps", 1)
    found = figures("training.py", *options)["resnet20"]
    assert found["network"] == "cifar_resnet20"
    for name in ("masked_step", "loop_throughput", "crop_throughput"):
        assert 0 < found[name]["least"] <= found[name]["median"] <= found[name]["most"]
    assert found["loop_throughput"]["our_images_a_second"] > 0


@pytest.mark.slow
def test_an_audits_time_holds_that_of_importing_torch() -> None:
    found = figures("audit.py", "--runs", 1, "--network", SMALL)
    assert found["keep"] == pytest.approx(0.168, abs=1e-3)
    assert 0 < found["sparse_multiply_adds"] < found["multiply_adds"]
    assert found["audit_seconds"] > 0


@pytest.mark.slow
def test_comparisons_and_a_summary_are_timed() -> None:
    found = figures("compare.py", "--runs", 1, "--units", 40, "--labels", 20)
    names = ("identity_seconds", "profile_seconds", "written_seconds", "summary_seconds")
    assert all(found[name] > 0 for name in (*names, "verifying_share"))
    assert (found["units"], found["labels"]) == (40, 20)


@pytest.mark.slow
def test_resampling_is_timed_alone_in_a_comparison_and_in_a_study() -> None:
    sizes = ("--units", 40, "--labels", 60, "--images", 50, "--levels", 3, "--draws", 20)
    found = figures("resampling.py", "--runs", 1, *sizes)
    for name in ("layer", "compare_with", "compare_without", "study", "intervals"):
        assert found[name]["seconds"] > 0
        assert found[name]["processor_seconds"] > 0
    assert (found["units"], found["levels"], found["draws"]) == (40, 3, 20)
    assert found["peak_mib"] > 50


@pytest.mark.slow
def test_a_demo_is_watched_from_its_start_to_its_end(drawn: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(drawn) | {"replicates": 1}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    found = figures("demo.py", "--recipe", tmp_path / "tiny.yaml")
    assert found["study"] == "tiny"
    assert found["levels"] == 3
    assert found["seconds"] > 0
    assert found["peak_gib"] > 0.1
    assert found["unpruned_interpretable_units"].keys() >= {"object", "color"}


@pytest.mark.long
def test_every_criterion_and_a_change_of_level_are_timed() -> None:
    found = figures("scoring.py", "--runs", 1, "--network", SMALL)
    seconds = {name: value for name, value in found.items() if name.endswith("_seconds")}
    assert len(seconds) == 6
    assert all(value > 0 for value in seconds.values())


@pytest.mark.slow
def test_a_page_is_opened_and_searched_in_a_browser() -> None:
    pytest.importorskip("playwright")
    if not any(map(shutil.which, ("chromium", "chromium-browser"))):
        pytest.skip("there is no chromium on this machine")
    small = ("--replicates", 1, "--levels", 2, "--units", 16, "--images", 8, "--runs", 1)
    found = figures("page.py", *small)
    assert found["units"] == 16
    assert all(found[name] > 0 for name in ("write_seconds", "paint_ms", "search_ms", "unit_ms"))


@pytest.mark.long
def test_load_counts_the_stages_it_made() -> None:
    found = figures("load.py", "--stages", 40, "--runs", 1)
    assert found["stages"] >= 40
    assert found["status_seconds"] > 0


@pytest.mark.slow
def test_a_finished_study_is_resumed_as_a_whole_command(drawn: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe(drawn) | {"replicates": 1}))
    found = figures("resume.py", "--recipe", recipe, "--runs", 1)
    assert found["artifacts"] > 10
    assert found["processor_seconds"] > 0
    assert found["seconds"] > 0


@pytest.mark.slow
def test_memory_is_sampled_after_every_stage_and_does_not_grow_with_them() -> None:
    found = figures("memory.py", "--stages", 200, "--settled", 100)
    assert found["stages"] == 2 * (1 + 100)  # a rewind point for each replicate
    assert found["last_quarter_over_first_mib"] < 40  # 100 stages whose files are kept: 300 MiB


@pytest.mark.slow
def test_every_step_of_a_large_dissection_is_measured_apart() -> None:
    small = ("--images", 2_000, "--dissected", 1_000, "--associated", 300)
    found = figures("large.py", *small, "--labels", 50, "--units", 64)
    names = ("open", "fingerprint", "again_fingerprint", "dissect", "dissect_association", "save")
    assert found["steps"].keys() > {*names, "summary", "compare", "report"}
    for step in found["steps"].values():
        assert step["peak_mib"] > 20
        assert step["cpu_seconds"] > 0


@pytest.mark.slow
def test_packing_compares_a_real_cluster_with_the_ideal_one() -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    found = figures(
        *("packing.py", "--gpus", 2, "--seconds", 2, "--set", "replicates=1"),
        *("--set", "pruning.strategies={lottery: {fraction: 0.2, levels: 1}}"),
    )
    assert found["stages"] == 1 + 2 * 4 + 3
    assert 0 < found["ideal_over_taken"] <= 1


@pytest.mark.slow
def test_of_a_study_each_part_of_crash_safety_has_its_share(drawn: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe(drawn) | {"replicates": 1}))
    found = figures("safety.py", "--recipe", recipe)
    assert found["calls"].keys() >= {"checkpoints", "checksums", "manifests", "making durable"}
    assert 0 < sum(found["shares"].values()) < 1
    assert found["share"] == pytest.approx(sum(found["shares"].values()), abs=1e-3)
    assert found["seconds_when_finished"] > 0


@pytest.mark.slow
def test_engines_are_measured_on_the_same_study(drawn: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny_recipe(drawn)))
    found = figures("engines.py", "--recipe", recipe, "--turns", 1, "--set", "replicates=2")
    assert found["seconds"].keys() == {"one", "local", "ray"}
    assert found["ray_over_one"]["median"] > 0


@pytest.mark.slow
def test_words_are_found_by_both_scores() -> None:
    small = ("--units", 8, "--images", 40, "--words", 30, "--size", 6, "--draws", 5)
    found = figures("words.py", *small)
    assert found["soft_wpmi_seconds"] >= 0
    assert found["correlation_seconds"] >= 0
