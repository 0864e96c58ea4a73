"""Which classes and images paid: is that what a naive count of the predictions says?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from oracle.who_paid import exemplars
from predicted import CLASSES, said
from prunescope.base.errors import DataError
from prunescope.results.class_tables import read_classes, read_exemplars
from prunescope.results.layout import LevelKey
from prunescope.statistics.who_paid import classes_table, exemplars_table, write_who_paid

LABELS = [0, 0, 2, 2, 3]


def key(replicate: int, strategy: str, level: int) -> LevelKey:
    return LevelKey(replicate=replicate, strategy=strategy, level=level)


@pytest.fixture
def levels() -> dict[LevelKey, pd.DataFrame]:
    """Three replicates of two pruned levels, with a twin each; the fifth image is hard."""
    said_by = {
        ("dense", 0): ([0, 0, 2, 2, 3], [0, 0, 2, 2, 0], [0, 1, 2, 2, None]),
        ("lottery", 1): ([0, 0, 2, 2, 3], [0, 0, 2, 2, 0], [0, 1, 2, 2, None]),
        ("lottery", 2): ([0, 0, 3, 2, 2], [1, 0, 3, 2, 2], [1, 1, 2, 2, 3]),
        ("twin-1", 0): ([0, 0, 2, 2, 2], [0, 0, 2, 2, 0], [0, 1, 3, 2, None]),
    }
    return {
        key(replicate, strategy, level): said(LABELS, prediction)
        for (strategy, level), predictions in said_by.items()
        for replicate, prediction in enumerate(predictions)
    }


def rows(table: pd.DataFrame, strategy: str, level: int) -> list[dict[str, Any]]:
    chosen = table[(table["strategy"] == strategy) & (table["level"] == level)]
    return chosen.drop(columns=["strategy", "level"]).to_dict("records")


def test_each_level_and_twin_is_compared_with_its_own_level_0(
    levels: dict[LevelKey, pd.DataFrame],
) -> None:
    table = classes_table(levels)
    assert table[["strategy", "level"]].drop_duplicates().values.tolist() == [
        ["lottery", 1],
        ["lottery", 2],
        ["twin-1", 0],
    ]
    assert {row["difference"] for row in rows(table, "lottery", 1) if row["images"]} == {0.0}
    zebra, ant, moa, dodo = rows(table, "lottery", 2)
    assert zebra["replicates"] == 3
    assert (zebra["before"], zebra["after"]) == (pytest.approx(5 / 6), pytest.approx(3 / 6))
    assert ant["images"] == 0
    assert moa["difference"] == pytest.approx(-1 / 3)
    assert dodo["difference"] == pytest.approx(0.0)
    assert rows(table, "twin-1", 0)[3]["difference"] == pytest.approx(-1 / 3)


def test_images_that_most_replicates_predict_otherwise_are_named(
    levels: dict[LevelKey, pd.DataFrame],
) -> None:
    table = exemplars_table(levels)
    assert rows(table, "lottery", 1) == rows(table, "twin-1", 0) == []
    hard, zebra, moa = rows(table, "lottery", 2)
    assert hard == {
        **{"row": 4, "class": "=dodo", "before": "=dodo", "after": "moa", "replicates": 3},
        **{"changed": 3, "lost": 1, "gained": 1, "twins": 3, "twins_changed": 1},
    }
    assert (zebra["row"], zebra["changed"], zebra["lost"], zebra["after"]) == (0, 2, 2, "ant")
    assert (moa["row"], moa["before"], moa["after"], moa["twins_changed"]) == (2, "moa", "=dodo", 1)


def test_without_twins_nothing_is_said_of_them(levels: dict[LevelKey, pd.DataFrame]) -> None:
    table = exemplars_table({each: said for each, said in levels.items() if not each.is_twin})
    assert set(table["twins"]) == {0}
    assert table["twins_changed"].isna().all()


def test_of_one_replicate_every_image_that_changed_is_named() -> None:
    found = exemplars_table(
        {key(0, "dense", 0): said([0, 0], [0, 1]), key(0, "lottery", 1): said([0, 0], [1, 1])}
    )
    assert rows(found, "lottery", 1)[0]["changed"] == 1
    assert len(found) == 1


def test_level_0_alone_gives_tables_without_rows(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    write_who_paid(tmp_path / "tables", {key(0, "dense", 0): said([0, 0], [0, 1])})
    assert len(read_classes(tmp_path)) == len(read_exemplars(tmp_path)) == 0


@pytest.mark.parametrize("replicates", [1, 2, 3, 5])
def test_exemplars_are_those_of_the_naive_count(replicates: int) -> None:
    rng = np.random.default_rng(replicates)
    label = rng.integers(0, 4, 200)
    before, after = rng.integers(0, 4, (2, replicates, 200))
    levels = {
        key(number, strategy, level): said(label, of_level[number])
        for strategy, level, of_level in (("dense", 0, before), ("lottery", 1, after))
        for number in range(replicates)
    }
    expected = exemplars(label.tolist(), before.tolist(), after.tolist())
    found = rows(exemplars_table(levels), "lottery", 1)
    assert {row["row"] for row in found} == expected.keys()
    assert [row["changed"] for row in found] == sorted(
        (row["changed"] for row in found), reverse=True
    )
    for row in found:
        naive = expected[row["row"]]
        named = {**naive, **{name: CLASSES[naive[name] or 0] for name in ("before", "after")}}
        assert {name: row[name] for name in named} == named


def test_tables_come_back_as_they_were_written(
    levels: dict[LevelKey, pd.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "tables").mkdir()
    write_who_paid(tmp_path / "tables", levels)
    for read, made in ((read_classes, classes_table), (read_exemplars, exemplars_table)):
        back, table = read(tmp_path), made(levels)
        texts = table.select_dtypes(["category", "object", "string"]).columns
        same = table.astype(dict.fromkeys(texts, "string"))
        pd.testing.assert_frame_equal(back, same, check_dtype=False)


def test_levels_that_saw_other_images_are_refused_by_name(
    levels: dict[LevelKey, pd.DataFrame], tmp_path: Path
) -> None:
    other = levels | {key(1, "lottery", 2): said([0, 0], [0, 0])}
    with pytest.raises(DataError, match="replicate 0, level 0 and replicate 1, level 2 of lottery"):
        write_who_paid(tmp_path, other)
    assert not list(tmp_path.iterdir())
