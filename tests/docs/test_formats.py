"""Is docs/formats.md true of what a study and a dissection really write?"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from torch import Tensor

from coloured import write_world
from commands import Prunescope, every_command
from concepts.packing import packed
from concepts.worlds import FILES, write_folder
from prunescope import ablate, load_network
from prunescope.base.files import hash_file
from prunescope.base.tensors import load_metadata, load_tensors
from prunescope.comparison.levels import LevelRecord, write_tables
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.networks.registry import build
from prunescope.results.run import Run

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
LEVELS = ("replicate-0/level-00", "replicate-0/lottery/level-01")
OPTIONAL = set(re.findall(r"^\| `([^`]+)` \| [^|]+ \|[^|]*absent otherwise[^|]*\|$", PAGE, re.M))
PLACEHOLDER = re.compile(r"(?<![A-Za-z])[A-Z]+(?![A-Za-z])")


@pytest.fixture(scope="module")
def categories(pictures: Path) -> tuple[str, ...]:
    return BrodenFolder.open(pictures).categories


# --- what the page says --------------------------------------------------------------------------


def section(title: str) -> str:
    """Return the text under a heading of the page."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, f"docs/formats.md has no section {title}"
    return found[1]


def documented(file: str) -> dict[str, str]:
    """Return the columns, keys or tensors the page names for a file, with their types."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", section(f"`{file}`"), re.M)
    return dict(rows)


def documented_columns(file: str, categories: tuple[str, ...]) -> dict[str, str]:
    """Return the columns of a table, those of a category written out for each of them."""
    rows = documented(file)
    of_category = [name for name in rows if name.startswith("CATEGORY_")]
    single = {name: kind for name, kind in rows.items() if name not in of_category}
    return single | {
        name.replace("CATEGORY", category): rows[name]
        for category in categories
        for name in of_category
    }


def pattern(name: str) -> re.Pattern[str]:
    """Return what a documented path or key stands for."""
    escaped = re.escape(name).replace("LEVEL", r"replicate\-R/(level\-00|STRATEGY/level\-NN)")
    return re.compile(PLACEHOLDER.sub(".+", escaped))


# --- what the files hold -------------------------------------------------------------------------


def arrow_word(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {arrow_word(kind.value_type)}"
    if pa.types.is_dictionary(kind):
        return arrow_word(kind.value_type)
    words = {"double": "float64", "float": "float32", "large_string": "string"}
    return words.get(str(kind), str(kind))


def parquet_columns(path: Path) -> dict[str, str]:
    """Return the columns of a table with their types, as the page writes them."""
    table = parquet.read_table(path)
    return {
        name: arrow_word(table.schema.field(name).type)
        + (" or null" if table[name].null_count else "")
        for name in table.column_names
    }


def csv_columns(path: Path) -> dict[str, str]:
    table = pd.read_csv(path)
    return {
        str(name): "string" if pd.api.types.is_string_dtype(kind) else str(kind)
        for name, kind in table.dtypes.items()
    }


def json_keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value's path, as the page writes it, and the name of its type."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from json_keys(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from json_keys(inner, f"{path}[]")
    else:
        yield path, json_word(value)


def json_word(value: Any) -> str:
    if isinstance(value, list):
        return f"list of {json_word(value[0])}"
    words = {type(None): "null", str: "string", bool: "bool", int: "int", float: "float"}
    return words[type(value)]


# --- the claims ----------------------------------------------------------------------------------

OF_RUNS = {"association.safetensors", "conditions.json", "manifest.json", "manifest-scores.json"}
"""Files of a layer that lie in run folders alone."""


def assert_columns(found: dict[str, str], said: dict[str, str]) -> None:
    assert list(found) == list(said)
    for name, kind in found.items():
        word, _, or_else = said[name].partition(" or ")
        assert kind in (word, f"{word} or {or_else}"), name


def assert_keys(values: dict[str, Any], said: dict[str, str]) -> None:
    found = list(json_keys(values))
    for path, word in found:
        kinds = [kind for name, kind in said.items() if pattern(name).fullmatch(path)]
        assert len(kinds) == 1, f"{path} is said {len(kinds)} times"
        assert word in kinds[0].split(" or "), path
    for name in said.keys() - OPTIONAL:
        assert any(pattern(name).fullmatch(path) for path, _ in found), f"there is no {name}"


def read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def test_a_run_holds_the_files_of_the_page_and_no_others(finished: Path) -> None:
    said = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", section("A run folder"), re.M)
    passing = [name for name in said if name.startswith(".") or name.endswith("/")]
    assert passing == [".lock", ".work/", "tracking/", "outdated/"]
    assert not any((finished / ".work").iterdir())
    assert not (finished / ".lock").read_text()
    files = {
        path.relative_to(finished).as_posix() for path in finished.rglob("*") if path.is_file()
    }
    lasting = [name for name in said if name not in passing]
    unasked = {"figures/FIGURE.png", "figures/FIGURE.pdf"}  # by `figures.formats`
    for name in set(lasting) - unasked:
        assert any(pattern(name).fullmatch(file) for file in files), f"there is no {name}"
    for file in files - {".lock"}:
        assert any(pattern(name).fullmatch(file) for name in lasting), f"{file} is not said"


def assert_records(record: Path, files: set[Path]) -> None:
    """Fail unless a record is as said, and holds the checksum of each of the files but itself."""
    values = read_json(record)
    said = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", section("Checksums"), re.M))
    assert_keys({"layers": ["layer3"]} | values, said)
    folder = record.parent
    expected = {str(file): hash_file(folder / file) for file in files - {Path(record.name)}}
    assert values["files"] == expected


@pytest.mark.long
def test_a_comparison_saves_the_files_of_the_page(
    prunescope: Prunescope, finished: Path, tmp_path: Path
) -> None:
    said = re.findall(r"^\| `([^`]+)` \| [^|]+ \|$", section("The folder of a comparison"), re.M)
    files = {name for name in said if "." in name}
    assert prunescope("compare", finished, finished, "--out", tmp_path / "C").status == 0
    inside = (path for path in (tmp_path / "C").iterdir() if path.is_file())
    saved = {path.relative_to(tmp_path / "C") for path in inside}
    assert {str(path) for path in saved} == files
    assert_records(tmp_path / "C" / "checksums.json", saved)


@pytest.mark.long
def test_a_dissection_saves_the_files_of_a_layer(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    words = [
        "dissect",
        finished / LEVELS[1],
        "--layer",
        "layer3",
        "--concepts",
        f"broden:{pictures}",
    ]
    options = ["--split", "val", "--quantile", "0.01", "--out", tmp_path / "D"]
    assert prunescope(*words, *options).status == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "D"]
    saved = {path.relative_to(tmp_path / "D") for path in (tmp_path / "D").rglob("*.*")}
    assert_records(tmp_path / "D" / "layers.json", saved)
    inside = finished / LEVELS[1] / "dissection" / "layer3"
    names = {path.name for path in inside.iterdir()} - OF_RUNS
    assert saved == {Path("layers.json"), *(Path("layer3", name) for name in names)}
    same = (tmp_path / "D" / "layer3" / "units.parquet").read_bytes()
    assert same == (inside / "units.parquet").read_bytes()


@pytest.mark.parametrize("level", LEVELS)
def test_the_table_of_units_is_as_said(
    finished: Path, categories: tuple[str, ...], level: str
) -> None:
    folder = finished / level / "dissection" / "layer3"
    said = documented_columns("units.parquet", categories)
    assert_columns(parquet_columns(folder / "units.parquet"), said)
    assert list(csv_columns(folder / "units.csv")) == list(said)


def test_the_table_of_all_units_says_first_where_they_are(
    finished: Path, categories: tuple[str, ...]
) -> None:
    levels = documented("levels.csv")
    place = {name: levels[name] for name in ("replicate", "strategy", "level", "layer")}
    said = place | documented_columns("units.parquet", categories)
    assert_columns(parquet_columns(finished / "tables" / "units.parquet"), said)


def test_the_table_of_levels_is_as_said(finished: Path, categories: tuple[str, ...]) -> None:
    said = documented_columns("levels.csv", categories)
    assert_columns(csv_columns(finished / "tables" / "levels.csv"), said)


def test_the_tables_of_who_paid_are_as_said(finished: Path) -> None:
    run = Run.load(finished)
    for name, table in (("classes.csv", run.classes), ("exemplars.csv", run.exemplars)):
        found = {
            str(column): "string" if pd.api.types.is_string_dtype(kind) else str(kind).lower()
            for column, kind in table.dtypes.items()
        }
        assert_columns(found, documented(name))
        assert len(table)


def test_an_ablation_is_as_said(finished: Path, pictures: Path, tmp_path: Path) -> None:
    level = load_network(str(finished / LEVELS[0]))
    ablate(level, "layer3", pictures / "images", units=[1], controls=1).save(tmp_path / "F")
    files = re.findall(r"`([\w.]+)`", section("The folder of an evaluation").split("some units")[1])
    assert {path.name for path in (tmp_path / "F").iterdir()} <= set(files)
    saved = json.loads((tmp_path / "F" / "ablation.json").read_text())
    assert {name for name in saved if name != "classes"} <= set(files)


def test_the_table_of_intervals_is_as_said(finished: Path, categories: tuple[str, ...]) -> None:
    said = documented_columns("intervals.csv", categories)
    assert_columns(csv_columns(finished / "tables" / "intervals.csv"), said)


@pytest.mark.parametrize("name", ["unit_shares.parquet", "concept_outcomes.parquet"])
def test_a_table_of_shares_is_as_said(finished: Path, name: str) -> None:
    assert_columns(parquet_columns(finished / "tables" / name), documented(name))


@pytest.mark.parametrize("name", ["examples.parquet", "borderline.parquet", "peaks.parquet"])
def test_a_table_of_images_or_peaks_of_units_is_as_said(finished: Path, name: str) -> None:
    path = finished / LEVELS[0] / "dissection" / "layer2" / name
    assert_columns(parquet_columns(path), documented(name))


@pytest.mark.parametrize("level", LEVELS)
def test_the_table_of_predictions_is_as_said(finished: Path, level: str) -> None:
    path = finished / level / "predictions.parquet"
    assert_columns(parquet_columns(path), documented("predictions.parquet"))


@pytest.mark.parametrize("place", ["replicate-0/rewind", *LEVELS])
def test_a_history_is_as_said(finished: Path, place: str) -> None:
    assert_columns(csv_columns(finished / place / "history.csv"), documented("history.csv"))


def test_the_overlap_is_as_said(
    finished: Path, pictures: Path, categories: tuple[str, ...]
) -> None:
    path = finished / LEVELS[0] / "dissection" / "layer3" / "overlap.safetensors"
    tensors = load_tensors(path)
    said = documented("overlap.safetensors")
    assert list(tensors) == list(said)
    labels = len(BrodenFolder.open(pictures).labels)
    sizes = {"unit": 16, "label": labels, "category": len(categories)}
    for name, tensor in tensors.items():
        assert _tensor_word(tensor, sizes) == said[name]
    names = json.loads(load_metadata(path)["dissection"])
    own = BrodenFolder.open(pictures).labels
    assert names.pop("label_names") == [label.name for label in own]
    assert names == {"categories": list(categories), "layer": "layer3"}


def _tensor_word(tensor: Tensor, sizes: dict[str, int]) -> str:
    axes = {size: axis for axis, size in sizes.items()}
    assert len(axes) == len(sizes), "the axes cannot be told apart"
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{kind} [{', '.join(axes[size] for size in tensor.shape)}]"


@pytest.mark.parametrize("place", ["replicate-0/rewind", *LEVELS])
def test_weights_are_the_state_dict_and_say_whose_they_are(finished: Path, place: str) -> None:
    path = finished / place / "weights.safetensors"
    state = build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict()
    saved = {name: (tensor.dtype, tensor.shape) for name, tensor in load_tensors(path).items()}
    assert saved == {name: (tensor.dtype, tensor.shape) for name, tensor in state.items()}
    metadata = load_metadata(path)
    assert set(metadata) == {"network"}
    assert_keys(json.loads(metadata["network"]), documented("weights.safetensors"))


def test_a_mask_has_the_names_and_shapes_of_the_weights(finished: Path) -> None:
    level = finished / LEVELS[1]
    weights = load_tensors(level / "weights.safetensors")
    for name, kept in load_tensors(level / "mask.safetensors").items():
        assert str(kept.dtype) == "torch.bool"
        assert kept.shape == weights[name].shape
        assert not weights[name][~kept].any()


@pytest.mark.parametrize("level", LEVELS)
def test_the_json_files_of_a_level_are_as_said(finished: Path, level: str) -> None:
    folder = finished / level
    said = documented("metrics.json")
    if level == LEVELS[0]:
        said = {name: kind for name, kind in said.items() if name not in ("survivors", "prunable")}
    assert_keys(read_json(folder / "metrics.json"), said)
    summary = read_json(folder / "dissection" / "layer2" / "summary.json")
    assert_keys(summary, documented("summary.json"))


def documented_in(title: str) -> list[dict[str, str]]:
    """Return the names in each table of a section, of which a row may have several."""
    tables = section(title).split("|---|---|---|")[1:]
    return [
        {
            name: kind
            for names, kind in re.findall(r"^\| (`[^|]+`) \| ([^|]+?) \|", table, re.M)
            for name in re.findall(r"`(.+?)`", names)
        }
        for table in tables
    ]


def documented_of_null(place: int) -> dict[str, str]:
    """Return what the nth table of the section on `null` names."""
    return documented_in("What `null` adds")[place]


def assert_units_gain(folders: tuple[Path, Path], said: dict[str, str]) -> None:
    """Fail unless the table of units of the second layer has these columns more, of these types."""
    before, after = (parquet_columns(one / "units.parquet") for one in folders)
    assert [name for name in after if name not in before] == list(said)
    for name, kind in said.items():
        assert after[name] in (kind, *kind.split(" or ")), name


@pytest.mark.long
def test_a_null_adds_what_is_said_and_nothing_else(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    words = [
        "dissect",
        finished / LEVELS[0],
        "--layer",
        "layer3",
        "--concepts",
        f"broden:{pictures}",
    ]
    options = ["--split", "val", "--quantile", "0.01", "--null", "2", "--out", tmp_path]
    assert prunescope(*words, *options).status == 0
    folders = finished / LEVELS[0] / "dissection" / "layer3", tmp_path / "layer3"
    assert_added(*(parquet_columns(one / "units.parquet") for one in folders), place=0)
    summaries = (read_json(one / "summary.json") for one in folders)
    assert_added(*(dict(json_keys(summary)) for summary in summaries), place=1)
    tables = (levels_of(pd.read_parquet(one / "units.parquet"), tmp_path) for one in folders)
    assert_added(*(csv_columns(table) for table in tables), place=2)
    assert_columns(parquet_columns(tmp_path / "layer3" / "masks.parquet"), documented_of_null(3))
    drawn_so_far = load_tensors(tmp_path / "layer3" / "draws.safetensors")
    sizes = {"unit": 16, "byte": 1, "draw": 2}
    words = {name: _tensor_word(tensor, sizes) for name, tensor in drawn_so_far.items()}
    assert words == documented_of_null(4)
    files = {path.name for path in (tmp_path / "layer3").iterdir()}
    of_chance = {"masks.parquet", "draws.safetensors"}
    assert files == {path.name for path in folders[0].iterdir()} - OF_RUNS | of_chance


@pytest.mark.long
def test_formulas_add_what_is_said_and_nothing_else(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    words = ["dissect", finished / LEVELS[0], "--layer", "layer3"]
    options = ["--concepts", f"broden:{pictures}", "--split", "val", "--quantile", "0.01"]
    options += ["--formulas", "2", "--formula-draws", "1", "--out", tmp_path]
    assert prunescope(*words, *options).status == 0
    of_units, of_summary = documented_in("What `formulas` adds")[:2]
    folders = finished / LEVELS[0] / "dissection" / "layer3", tmp_path / "layer3"
    assert_units_gain(folders, of_units)
    before, after = (dict(json_keys(read_json(one / "summary.json"))) for one in folders)
    assert {name: after[name] for name in after if name not in before} == of_summary
    columns = parquet_columns(tmp_path / "layer3" / "formulas.parquet")
    assert_columns(columns, documented("formulas.parquet"))
    assert list(csv_columns(tmp_path / "layer3" / "formulas.csv")) == list(columns)
    files = {path.name for path in (tmp_path / "layer3").iterdir()}
    added = {"formulas.parquet", "formulas.csv"}
    assert files == {path.name for path in folders[0].iterdir()} - OF_RUNS | added


@pytest.mark.long
def test_a_check_of_labels_adds_what_is_said_and_nothing_else(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    words = ["dissect", finished / LEVELS[0], "--layer", "layer3", "--quantile", "0.01"]
    options = ["--concepts", f"broden:{pictures}", "--label-on", "train", "--check-on", "val"]
    ended = prunescope(*words, *options, "--out", tmp_path, "--json")
    of_units, of_summary = documented_in("What `label_check` adds")
    layer = tmp_path / "layer3"
    assert_units_gain((finished / LEVELS[0] / "dissection" / "layer3", layer), of_units)
    stated = read_json(layer / "summary.json")["label_check"]
    assert dict(json_keys({"label_check": stated})) == of_summary
    printed = json.loads(ended.out.splitlines()[-1])["label_check"]
    shown = re.findall(r"`label_check\.(\w+)`", section("What `label_check` adds"))
    assert set(printed) == set(shown)
    assert "label check: chosen on train" in prunescope("summary", tmp_path).out
    assert "label check: " in prunescope("unit", tmp_path, "3").out


@pytest.mark.long
def test_a_basis_and_other_quantiles_are_saved_as_said(
    prunescope: Prunescope,
    finished: Path,
    pictures: Path,
    tmp_path: Path,
    categories: tuple[str, ...],
) -> None:
    words = ["dissect", finished / LEVELS[0], "--layer", "layer3", "--basis", "random-rotation"]
    options = [*("--concepts", f"broden:{pictures}"), "--split", "val", "--quantile", "0.01"]
    options += ["--quantiles", "0.02"]
    assert prunescope(*words, *options, "--out", tmp_path).status == 0
    tensors = load_tensors(tmp_path / "layer3/basis.safetensors")
    assert tensors["directions"].shape == (16, 16)
    kinds = {name: f"{str(each.dtype)[6:]} [direction, unit]" for name, each in tensors.items()}
    assert kinds == documented("basis.safetensors")
    assert read_json(tmp_path / "layer3/summary.json")["basis"]["seed"] == 0
    columns = parquet_columns(tmp_path / "layer3/quantiles.parquet")
    assert_columns(columns, documented_columns("quantiles.parquet", categories))
    assert_keys(read_json(tmp_path / "layer3/summary.json"), documented("summary.json"))


def levels_of(units: pd.DataFrame, folder: Path) -> Path:
    """Write the tables of one unpruned level."""
    record = LevelRecord(
        replicate=0,
        strategy="dense",
        level=0,
        keep=1.0,
        keep_overall=1.0,
        accuracy=0.5,
        units={"layer3": units},
    )
    return write_tables([record], folder)[0]


def assert_added(before: dict[str, str], after: dict[str, str], place: int) -> None:
    said = documented_of_null(place)
    assert [name for name in after if name not in before] == list(said)
    assert [name for name in after if name not in said] == list(before)
    for name, kind in said.items():
        assert after[name] in (kind, *kind.split(" or ")), name


def test_every_manifest_is_as_said(finished: Path) -> None:
    kinds = set()
    for path in finished.rglob("manifest*.json"):
        manifest = read_json(path)
        assert_keys(manifest, documented("manifest.json"))
        kinds.add(manifest["kind"])
    row = next(line for line in section("`manifest.json`").splitlines() if "`kind`" in line)
    assert kinds == set(re.findall(r"`(\w+)`", row)) - {"kind"}


def test_the_provenance_is_as_said(finished: Path) -> None:
    assert_keys(read_json(finished / "provenance.json"), documented("provenance.json"))


def test_a_download_leaves_the_set_and_says_where_it_is_from(
    prunescope: Prunescope, tmp_path: Path
) -> None:
    source = write_folder(tmp_path / "source", FILES)
    (tmp_path / "broden1_224.zip").write_bytes(packed(source))
    words = ["concepts", "download", "broden", "--out", tmp_path / "set", "--from", tmp_path]
    assert prunescope(*words).status == 0
    files = {path.name: path for path in (tmp_path / "set").iterdir()}
    assert files.keys() == {path.name for path in source.iterdir()} | {"download.json"}
    record = read_json(files["download.json"])
    kinds = {str: "string", int: "int", dict: "object"}
    assert {name: kinds[type(value)] for name, value in record.items()} == documented(
        "download.json"
    )


@pytest.mark.long
def test_the_commands_that_write_little_write_what_is_said(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    preview = ["concepts", "preview", f"broden:{pictures}", "--images", 2, "--out", tmp_path / "P"]
    prune = ["prune", finished / LEVELS[0], "--keep", 0.5, "--out", tmp_path / "small.safetensors"]
    for words in (preview, prune):
        assert prunescope(*words).status == 0
    assert {path.name for path in (tmp_path / "P").iterdir()} == {"index.html", "sheet-1.png"}
    assert {path.name for path in tmp_path.iterdir()} == {
        *("P", "small.safetensors", "small.mask.safetensors")
    }
    metadata = load_metadata(tmp_path / "small.safetensors")
    assert_keys(json.loads(metadata["network"]), documented("weights.safetensors"))


def test_every_command_that_can_write_is_named() -> None:
    head = PAGE[: PAGE.index("\n## ")]
    listed = section("What other commands write")
    writing = [name for name, taken in every_command() if "out" in taken]
    assert {"demo", "concepts download"} < set(writing)
    assert not [n for n in writing if f"`{n}`" not in head and f"`{n} --out" not in head + listed]


@pytest.fixture
def found_words(prunescope: Prunescope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a dissection in which units were given words."""
    monkeypatch.chdir(write_world(tmp_path))
    sys.modules.pop("coloured_code", None)
    words = "dissect coloured_code:network --layer 0 --resolution 8 --mean 0,0,0 --std 1,1,1"
    asked = "--quantile 0.1 --words words.txt --encoder coloured_code:encoder --word-draws 9"
    ended = prunescope(
        *words.split(), "--concepts", "images:pictures", *asked.split(), "--out", "D"
    )
    assert ended.status == 0, ended.err
    return tmp_path / "D"


def test_words_are_saved_as_said(found_words: Path) -> None:
    folder = found_words / "0"
    said = documented("words.parquet")
    columns = {name: kind for name, kind in said.items() if not name.startswith("words.")}
    assert_columns(parquet_columns(folder / "words.parquet"), columns)
    keys = {name: kind for name, kind in said.items() if name.startswith("words.")}
    assert_keys({"words": read_json(folder / "summary.json")["words"]}, keys)
