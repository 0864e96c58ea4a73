"""Are the paths in a name of sets found, whatever else it says?"""

from pathlib import Path

import pytest

from prunescope.base.errors import ConfigError
from prunescope.concepts import open_concepts
from prunescope.concepts.naming import names_in, paths_of, title_of, with_paths
from prunescope.concepts.opening import one_of_every

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


def test_a_name_of_the_hub_is_no_path_unless_there_is_such_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "hf:owner/street,mask=seg,classes=n.json"
    assert paths_of(name) == [Path("n.json")]
    (tmp_path / "owner/street").mkdir(parents=True)
    assert paths_of(name) == [Path("owner/street"), Path("n.json")]
    assert paths_of("hf:owner/stret") == [Path("owner/stret")]


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


class TestEvery:
    def test_the_first_of_every_so_many_images_of_each_folder_is_taken(self):
        images = ["a/1", "b/1", "a/2", "a/3", "b/2", "c"]
        assert one_of_every(2, images) == [0, 1, 3, 5]
        assert one_of_every(1, images) == list(range(6))

    def test_a_limit_counts_what_is_left(self, make_masks):
        name = f"masks:{make_masks()},every=2"
        assert open_concepts(name).images == ("train/a.png", "val/c.png")
        assert open_concepts(name, limit=1).images == ("train/a.png",)
        assert open_concepts(name, split="train").images == ("train/a.png",)

    @pytest.mark.parametrize("every", ["0", "-1", "two", ""])
    def test_a_number_that_is_none_is_told(self, make_masks, every):
        with pytest.raises(ConfigError, match=f'every .* is "{every}", but must be a whole number'):
            open_concepts(f"masks:{make_masks()},every={every}")

    def test_a_limit_of_nothing_is_told(self, make_masks):
        with pytest.raises(ConfigError, match="limit is 0"):
            open_concepts(f"masks:{make_masks()},every=2", limit=0)
