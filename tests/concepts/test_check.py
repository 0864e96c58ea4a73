"""Does the check count what a set holds, and miss no fault of it?"""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concepts.worlds import CAR, MAP, grey, photograph
from prunescope.base.errors import DataError
from prunescope.base.progress import Progress, Task
from prunescope.concepts import open_concepts
from prunescope.concepts.check import Report, check_concepts
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.sources.masks import MaskFolder

# counted by hand from the tiny folder: a.png has 2 for the whole map, b.png 300, e.png 1 and 3
IMAGES = {1: 2, 2: 1, 3: 2, 300: 2}
PIXELS = {1: 3 + 12, 2: 12, 3: 2 + 12, 300: 2 + 12}
COVERAGE = {1: 3 / 12 + 1, 2: 1 + 4 / 12 + 1 / 12, 3: 2 / 12 + 1, 300: 2 / 12 + 1}


def column(report, name):
    return dict(zip(report.labels["number"], report.labels[name], strict=True))


def stated(frequency: dict[int, int], coverage: dict[int, float]) -> dict[str, str]:
    names = {1: "red-c", 2: "car", 3: "orange", 300: "orange-c"}
    rows = (f"{n},{names[n]},{frequency[n]},{coverage[n]:.6f}\n" for n in names)
    return {"label.csv": "number,name,frequency,coverage\n" + "".join(rows)}


def test_a_sound_set_has_no_problem_and_its_labels_are_counted(make_folder):
    report = check_concepts(BrodenFolder.open(make_folder(stated(IMAGES, COVERAGE))))
    assert report.problems == ()
    assert report.notes == ()
    assert report.images == 3
    assert column(report, "images") == IMAGES
    assert column(report, "pixels") == PIXELS
    assert column(report, "coverage") == pytest.approx(COVERAGE)


def test_categories_count_images_and_pixels_of_any_of_their_labels(make_folder):
    categories = check_concepts(BrodenFolder.open(make_folder())).categories
    assert categories.to_dict("list") == {
        "category": ["color", "object", "part"],
        "labels": [2, 1, 1],
        "images": [3, 2, 1],
        "pixels": [5 + 12 + 12, 2 + 12, 12],
    }


def test_a_pixel_counts_once_for_a_label_that_two_planes_give_it(make_folder):
    twice = np.zeros((3, 4), int)
    twice[0, 0] = 3
    folder = make_folder({"images/maps/a_1.png": twice, "images/maps/a_2.png": twice})
    report = check_concepts(BrodenFolder.open(folder, limit=1))
    assert column(report, "pixels")[3] == 1
    assert column(report, "coverage")[3] == pytest.approx(2 / 12)


def test_every_unreadable_file_is_a_problem(make_folder):
    gone = {"images/a.png": None, "images/maps/a_1.png": None, "images/maps/a_2.png": b"no png"}
    report = check_concepts(BrodenFolder.open(make_folder(gone | {"images/e.png": None})))
    assert len(report.problems) == 4
    for name, problem in zip(
        ("a.png", "a_1.png", "a_2.png", "e.png"), report.problems, strict=True
    ):
        assert name in problem
    assert "2 images cannot be read" in report.notes[0]
    assert column(report, "images") == {1: 0, 2: 0, 3: 0, 300: 1}


def test_an_image_listed_twice_is_a_problem(make_folder):
    index = "image,split,ih,iw,sh,sw,color\na.png,train,6,8,3,4,1\na.png,train,6,8,3,4,1\n"
    report = check_concepts(BrodenFolder.open(make_folder({"index.csv": index})))
    assert report.problems == ("a.png stands in 2 rows: its pixels count so many times",)


def test_totals_that_label_csv_states_otherwise_are_problems(make_folder):
    folder = make_folder(stated({**IMAGES, 2: 7}, {**COVERAGE, 3: 1.5}))
    report = check_concepts(BrodenFolder.open(folder))
    assert report.problems == (
        "label 2 (car) is in 1 image; label.csv says 7",
        "label 3 (orange) covers 1.166667; label.csv says 1.500000",
    )


def test_a_part_of_a_set_is_not_held_against_the_totals_of_the_whole(make_folder):
    folder = make_folder(stated(IMAGES, COVERAGE))
    report = check_concepts(BrodenFolder.open(folder, limit=1))
    assert report.problems == ()
    assert "not a whole folder" in report.notes[0]


@pytest.mark.parametrize(("labels", "problems"), [(1197, 3), (1196, 0)])
def test_a_folder_that_calls_itself_broden_must_have_its_pixels(make_folder, labels, problems):
    names = ["black-c", "cat", "labyrinth", *(f"label{n}" for n in range(4, labels + 1))]
    folder = make_folder(
        {
            "index.csv": "image,split,ih,iw,sh,sw,object\na.png,train,6,8,112,112,1;2;3\n",
            "label.csv": "number,name\n" + "".join(f"{n},{x}\n" for n, x in enumerate(names, 1)),
            "c_object.csv": "number,coverage\n" + "".join(f"{n},1\n" for n in range(1, labels + 1)),
        }
    )
    report = check_concepts(BrodenFolder.open(folder))
    assert len(report.problems) == problems
    if problems:
        assert report.problems[1] == "Broden 1 has 4,163,987 pixels of cat; this folder has 12,544"


def test_the_printed_report_has_totals_and_no_endless_list(make_folder):
    rows = "".join(f"gone{n}.png,train,6,8,3,4,1\n" for n in range(30))
    folder = make_folder({"index.csv": "image,split,ih,iw,sh,sw,color\n" + rows})
    text = str(check_concepts(BrodenFolder.open(folder, name="mine")))
    assert text.startswith("mine: 30 images, 0 labels that occur")
    assert "30 problems" in text
    assert "gone19.png" in text
    assert "gone20.png" not in text
    assert "and 10 more" in text


def test_a_report_cannot_be_changed(make_folder):
    report = check_concepts(BrodenFolder.open(make_folder()))
    with pytest.raises(FrozenInstanceError):
        report.images = 0


def test_progress_hears_of_every_image(make_folder):
    heard: list[int] = []

    class Listener(Progress, Task):
        def task(self, description, total):
            from contextlib import nullcontext

            heard.append(total)
            return nullcontext(self)

        def advance(self, count=1, note=""):
            heard.append(count)

    check_concepts(BrodenFolder.open(make_folder()), progress=Listener())
    assert heard == [3, 1, 1, 1]


FAULTS = {
    "names.csv": "name,value\ngrass,3\ncar,7\nwheel,\n,255\ncar,x\n",
    "images/train/a.png": b"no png",
    "images/train/b.png": photograph(8, 6),
    "images/val/c.png": None,
    "masks/lost.png": MAP,
    "masks/train/a/cat.png": CAR,
    "masks/train/a/car.png": grey(np.ones((6, 8))),
    "masks/train/a/grass.png": b"",
    "masks/train/b.png": grey([[9, 3, 3, 3]] * 3),
    "masks/train/b/cat.png": CAR,
    "masks/val/c/car.jpg": CAR,
}


def hash_of(name: str) -> str:
    return str(sorted(FAULTS).index(name))


def read_all(concepts: MaskFolder) -> None:
    for index in range(len(concepts.images)):
        concepts.read_image(index)
        concepts.read_annotation(index)


class TestMasks:
    def test_a_sound_set_has_no_problem_and_its_labels_are_counted(self, make_masks):
        report = check_concepts(MaskFolder.open(make_masks({"images/bare.png": None})))
        assert report.problems == ()
        assert report.notes == ()
        assert column(report, "images") == {1: 3, 2: 3, 3: 1}
        assert column(report, "pixels") == {1: 4 + 3 + 3, 2: 4 + 2 + 2 + 4, 3: 1}

    def test_every_fault_of_every_file_is_told_at_once(self, make_masks):
        changes = {
            "names.csv": "name,value,category\ngrass,3,\ncar,7,\nwheel,,part\n,255,\ncar,8,\n",
            "masks/lost.png": MAP,
            "masks/train/a/cat.png": CAR,
            "masks/train/b.png": grey([[9, 3, 3, 3]] * 3),
            "masks/val/c.png": b"no png",
            "images/train/a.png": photograph(8, 6),
        }
        report = check_concepts(MaskFolder.open(make_masks(changes), lenient=True))
        said = [
            'names.csv, row 6: "car" stands in row 3 already',
            "masks/lost.png has no image",
            'masks/train/a/cat.png is the mask of "cat"',
            "masks/train/a/grass.png is 3 x 4 (height x width), but",
            "masks/train/b.png holds value 9 (3 pixels)",
            "masks/val/c.png cannot be read",
        ]
        assert len(report.problems) == len(said)
        for words in said:
            assert any(words in problem for problem in report.problems), words

    def test_an_image_whose_only_mask_has_no_concept_is_told_and_left_out(self, make_masks):
        folder = make_masks({"masks/train/b.png": None, "masks/train/b/cat.png": CAR})
        report = check_concepts(MaskFolder.open(folder, lenient=True))
        (problem,) = report.problems
        assert 'cat.png is the mask of "cat"' in problem
        assert report.images == 2

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],  # each has its own folder
    )
    @given(faults=st.sets(st.sampled_from(sorted(FAULTS)), min_size=1))
    def test_whatever_is_wrong_together_the_check_goes_through_and_tells_of_it(
        self, make_masks, faults
    ):
        changes = {name: FAULTS[name] for name in sorted(faults)}
        folder = make_masks(changes, name="+".join(sorted(map(hash_of, faults))))
        try:
            problems = check_concepts(MaskFolder.open(folder, lenient=True)).problems
        except DataError as error:
            problems = str(error).splitlines()
        assert problems
        with pytest.raises(DataError):
            read_all(MaskFolder.open(folder))

    def test_images_without_masks_and_names_without_pixels_are_noted(self, make_masks):
        table = "name,value,category\ngrass,3,\ncar,7,\nwheel,,part\ntree,9,\n,255,\nroof,,\n"
        bare, idle = check_concepts(MaskFolder.open(make_masks({"names.csv": table}))).notes
        assert bare == "without a mask, and so not in the set: 1 image: bare.png"
        assert "2 names of " in idle
        assert "names.csv have no pixel: tree (row 5), roof (row 7); look at their" in idle

    def test_names_without_pixels_are_looked_for_only_where_all_was_read(self, make_masks):
        for options, changes in (
            ({"split": "val"}, {}),
            ({}, {"masks/train/b.png": b"no png"}),
        ):
            opened = MaskFolder.open(make_masks(changes), **options)
            notes = check_concepts(opened).notes
            assert any(note.startswith("names without a pixel are not") for note in notes)

    def test_a_long_list_of_images_without_masks_is_cut_short(self, make_masks):
        more = {f"images/{n}.png": photograph() for n in range(19)}
        note = check_concepts(MaskFolder.open(make_masks(more))).notes[0]
        assert note.startswith("without a mask, and so not in the set: 20 images: ")
        assert note.endswith("and 10 more")


@pytest.mark.slow
@pytest.mark.real
def test_the_real_photographs_hold_what_their_tables_say(shared):
    report = check_concepts(open_concepts(f"broden:{shared / 'data' / 'minibroden_224'}"))
    assert report.problems == ()
    assert report.notes == ()
    categories = report.categories.set_index("category")
    assert categories["images"].to_dict() == {
        "color": 2000,
        "object": 980,
        "scene": 344,
        "texture": 900,
    }
    assert categories["pixels"]["color"] == 2000 * 112 * 112
    car = report.labels.set_index("name").loc["car"]
    assert (car["images"], car["category"]) == (553, "object")
    assert car["coverage"] == pytest.approx(46.953364, abs=1e-6)


def test_what_is_told_of_a_set_is_grammar_and_a_line_each() -> None:
    categories = pd.DataFrame({"category": ["a\nb"], "labels": [1], "images": [1], "pixels": [1]})
    report = Report(
        name="set",
        images=1,
        labels=pd.DataFrame({"images": [1, 0]}),
        categories=categories,
        problems=("x\ny is damaged",),
        notes=("x\ny has no mask",),
    )
    lines = str(report).splitlines()
    assert lines[0] == "set: 1 image, 1 label that occurs"
    assert lines[3].startswith(r"a\nb ")
    assert lines[-2:] == [r"- x\ny is damaged", r"note: x\ny has no mask"]
