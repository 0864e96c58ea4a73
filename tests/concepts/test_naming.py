"""Are the paths in a name of sets found, whatever else it says?"""

from pathlib import Path

import pytest

from prunescope.concepts.naming import names_in, paths_of, title_of, with_paths

JOINED = "coco:a b/x,y.json,images=d/photos,boxes=true + scenes + voc:V,classes=n.txt,size=4"


def test_sets_are_told_apart_at_kinds_alone():
    assert names_in(JOINED) == [
        "coco:a b/x,y.json,images=d/photos,boxes=true",
        "scenes",
        "voc:V,classes=n.txt,size=4",
    ]
    assert names_in("masks:my + own + vocal") == ["masks:my + own + vocal"]


def test_paths_are_those_of_places_and_of_options_that_are_paths():
    assert paths_of(JOINED) == [Path(p) for p in ("a b/x,y.json", "d/photos", "V", "n.txt")]
    assert paths_of("scenes") == []
    assert paths_of("masks:m,names=n.csv,categories=c.csv") == [
        Path("m"),
        Path("n.csv"),
        Path("c.csv"),
    ]
    assert paths_of("unknown:x,boxes=y") == [Path("x")]


def test_paths_are_changed_and_nothing_else():
    assert with_paths(JOINED, lambda path: f"/r/{path}") == (
        "coco:/r/a b/x,y.json,images=/r/d/photos,boxes=true + scenes + "
        "voc:/r/V,classes=/r/n.txt,size=4"
    )


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("scenes", "scenes"),
        ("broden:/data/set", "set"),
        ("coco:/data/x.json,images=/data/y", "x.json"),
        (JOINED, "x,y.json + scenes + V"),
    ],
)
def test_a_title_is_the_last_part_of_a_path(name, title):
    assert title_of(name) == title
