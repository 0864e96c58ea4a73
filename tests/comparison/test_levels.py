import math
from pathlib import Path

import pandas as pd
import pytest

from prunescope.base.errors import ConfigError, DataError
from prunescope.comparison.levels import LevelRecord, levels_table, units_table, write_tables
from prunescope.results.run_tables import level_categories, read_levels
from unit_tables import make_units


def record(
    units: pd.DataFrame, *, level: int, strategy: str = "rewind", replicate: int = 0
) -> LevelRecord:
    return LevelRecord(
        replicate=replicate,
        strategy=strategy if level else "dense",
        level=level,
        keep=0.8**level,
        keep_overall=0.9**level,
        accuracy=0.75,
        units={"layer4": units, "layer3": units.head(1)},
    )


@pytest.fixture
def records() -> list[LevelRecord]:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.2))
    return [
        record(unpruned, level=0),
        record(make_units(("red", 0.2), ("red", 0.2), None), level=1),
        record(make_units(("red", 0.01), ("cat", 0.01), None), level=1, strategy="random"),
    ]


def test_the_columns_are_those_documented(records: list[LevelRecord]) -> None:
    assert levels_table(records).columns.tolist() == [
        *("replicate", "strategy", "level", "keep", "keep_overall", "accuracy", "layer"),
        *("units", "interpretable", "concepts", "dead"),
        *("still_interpretable", "still_interpretable_count", "same_concept", "same_concept_count"),
        *("concept_survival", "concept_survival_count"),
        *("still_interpretable_chance", "same_concept_chance"),
        *("color_units", "color_concepts", "object_units", "object_concepts"),
        *("scene_units", "scene_concepts"),
    ]


def test_there_is_a_row_per_level_and_layer_in_their_order(records: list[LevelRecord]) -> None:
    table = levels_table(records)
    assert table["strategy"].tolist() == ["dense"] * 2 + ["rewind"] * 2 + ["random"] * 2
    assert table["layer"].tolist() == ["layer4", "layer3"] * 3
    assert table["units"].tolist() == [3, 1] * 3
    assert table["dead"].tolist() == [0, 0, 1, 0, 1, 0]


def test_every_strategy_is_compared_with_the_one_level_0(records: list[LevelRecord]) -> None:
    table = levels_table(records)
    layer4 = table[table["layer"] == "layer4"]
    assert layer4["still_interpretable"].tolist() == [1, 2 / 3, 0]
    assert layer4["still_interpretable_count"].tolist() == [3, 2, 0]
    assert layer4["same_concept"].tolist()[:2] == [1, 1 / 2]
    assert layer4["same_concept_count"].tolist() == [3, 1, 0]
    assert math.isnan(layer4["same_concept"].iloc[2])


def test_each_replicate_is_compared_with_its_own_level_0() -> None:
    red, cat = make_units(("red", 0.2)), make_units(("cat", 0.2))
    table = levels_table(
        [
            record(red, level=0),
            record(red, level=1),
            record(cat, level=0, replicate=1),
            record(red, level=1, replicate=1),
        ]
    )
    layer4 = table[table["layer"] == "layer4"]
    assert layer4["same_concept"].tolist() == [1, 1, 1, 0]


def test_the_category_columns_add_up(records: list[LevelRecord]) -> None:
    table = levels_table(records)
    categories = level_categories(table)
    assert categories == ("color", "object", "scene")
    units = table[[f"{name}_units" for name in categories]].sum(axis="columns")
    concepts = table[[f"{name}_concepts" for name in categories]].sum(axis="columns")
    assert units.tolist() == table["interpretable"].tolist()
    assert concepts.tolist() == table["concepts"].tolist()


def test_a_replicate_without_its_level_0_is_refused(records: list[LevelRecord]) -> None:
    with pytest.raises(DataError, match="replicate 0 has level 1 but no level 0"):
        levels_table(records[1:])
    with pytest.raises(DataError, match="no level is finished"):
        levels_table([])


@pytest.mark.parametrize(("level", "strategy"), [(0, "rewind"), (1, "dense")])
def test_the_name_dense_is_kept_for_level_0(level: int, strategy: str) -> None:
    with pytest.raises(ConfigError, match='"dense" names level 0'):
        LevelRecord(
            replicate=0,
            strategy=strategy,
            level=level,
            keep=1.0,
            keep_overall=1.0,
            accuracy=0.5,
            units={"layer4": make_units(("red", 0.2))},
        )


def test_every_unit_of_every_level_has_a_row(records: list[LevelRecord]) -> None:
    table = units_table(records)
    place = ["replicate", "strategy", "level", "layer"]
    assert table.columns.tolist() == [*place, *records[0].units["layer4"].columns]
    assert len(table) == 3 * (3 + 1)
    assert not table.duplicated([*place, "unit"]).any()
    assert str(table["label"].dtype) == "Int64"


def test_a_level_whose_units_have_no_concept_keeps_its_rows() -> None:
    records = [
        record(make_units(("red", 0.2), ("cat", 0.2)), level=0),
        record(make_units(None, None), level=1),
    ]
    assert units_table(records)["concept"].isna().sum() == 3
    assert levels_table(records)["concepts"].tolist() == [2, 1, 0, 0]


def test_tables_are_read_back_as_they_were_made(tmp_path: Path, records: list[LevelRecord]) -> None:
    levels, units = write_tables(records, tmp_path / "tables")
    pd.testing.assert_frame_equal(read_levels(levels), levels_table(records))
    pd.testing.assert_frame_equal(pd.read_parquet(units), units_table(records))
    assert [levels.name, units.name] == ["levels.csv", "units.parquet"]
    assert b",nan,0," in levels.read_bytes()
    assert b"\r" not in levels.read_bytes()


def test_equal_levels_give_equal_bytes(tmp_path: Path, records: list[LevelRecord]) -> None:
    first, second = (write_tables(records, tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"levels\.csv is missing"):
        read_levels(tmp_path / "levels.csv")
