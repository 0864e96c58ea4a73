"""Are the embedded pictures what their labels say, and is the set the same wherever it is drawn?"""

import csv
import hashlib
import threading
from collections import Counter
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from prunescope.base.errors import ConfigError, StoreError
from prunescope.concepts import scenes
from prunescope.concepts.scenery import workers, writer
from prunescope.concepts.scenery.canvas import Canvas, Ink, Stamp
from prunescope.concepts.scenery.geometry import Outline, box, frame, oval, placed, smooth
from prunescope.concepts.scenery.labels import (
    CATEGORIES,
    PLANES,
    VOCABULARY,
    colour_plane,
    label_planes,
)
from prunescope.concepts.scenery.notation import Thing, read_things
from prunescope.concepts.scenery.painter import Painter
from prunescope.concepts.scenery.palette import _GROUPS, _HEX, pick_mood
from prunescope.concepts.scenery.patterns import FABRICS, PATTERNS
from prunescope.concepts.scenery.picture import KINDS, PROPS, draw_picture
from prunescope.concepts.scenery.scene_set import SceneSet, class_names
from prunescope.concepts.scenery.writer import draw_pictures
from prunescope.concepts.scenes import draw_scenes, scenes_folder
from prunescope.concepts.sources.broden import BrodenFolder

RED, GREEN = (200.0, 40.0, 40.0), (40.0, 160.0, 60.0)
SURFACES = sorted(name for name, (texture, _) in PATTERNS.items() if texture)
TINY = {"train": 30, "val": 20, "size": 64}
TEN = SceneSet(train=10, val=10, size=32)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_scenes(tmp_path_factory.mktemp("scenes") / "set", SceneSet(**TINY))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def content(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def concept(name: str) -> int:
    return [known for _, known in VOCABULARY].index(name) + 1


def ink(tone: tuple[float, float, float], part: str | None = None) -> Ink:
    return Ink(tone, tone, "house", part)


def rectangle(left: float, top: float, right: float, foot: float) -> Outline:
    return box(np.array([(left, top), (right, foot)], dtype=np.float64))


def square(canvas: Canvas, left: float, top: float, right: float, foot: float) -> Stamp:
    return canvas.stamp([rectangle(left, top, right, foot)])


def things(folder: Path, text: str) -> dict[str, Thing]:
    (folder / "things.txt").write_text(text)
    return read_things(folder / "things.txt")


def painted(folder: Path, text: str, seed: int = 0) -> Canvas:
    """Return a canvas that the thing of a text fills."""
    canvas, rng = Canvas(64), Random(seed)
    [thing] = things(folder, text).values()
    Painter(canvas, rng, pick_mood(rng, night=False)).draw(thing, 0.5, 0.5, 1.0)
    return canvas


class TestCanvas:
    @given(
        x=st.floats(0.2, 0.8),
        y=st.floats(0.2, 0.8),
        across=st.floats(0.05, 0.5),
        turn=st.floats(-180, 180),
    )
    @settings(deadline=None, max_examples=30)
    def test_a_cell_carries_the_label_exactly_if_its_centre_is_covered(self, x, y, across, turn):
        canvas = Canvas(64)
        outline = placed(oval(np.array([(0, 0), (across, across / 2)])), frame((x, y), turn=turn))
        canvas.paint(canvas.stamp([outline]), ink(RED))
        centres = (np.arange(32) + 0.5) / 32
        shift = np.stack(np.meshgrid(centres - x, centres - y), axis=-1)
        angle = np.deg2rad(turn)
        back = shift @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        distance = np.hypot(back[..., 0] / across, back[..., 1] / (across / 2))
        margin = 0.016 / (across / 2)  # a pixel, and the corners of the polygon
        labelled = canvas.cells() > 0
        assert labelled[distance < 1 - margin].all()
        assert not labelled[distance > 1 + margin].any()

    def test_the_painted_colour_lies_inside_the_label_and_nowhere_else(self):
        canvas = Canvas(64)
        canvas.paint(square(canvas, 0, 0, 1, 1), ink(GREEN))
        canvas.paint(square(canvas, 0.25, 0.5, 0.75, 1), ink(RED))
        colours, labels = canvas.colours(), canvas.cells()
        assert colours[34:, 18:46] == pytest.approx(np.broadcast_to(RED, (30, 28, 3)))
        assert (labels[16:, 8:24] == 2).all()
        for outside in (colours[:30], colours[:, :14], colours[:, 50:]):
            assert outside == pytest.approx(np.broadcast_to(GREEN, outside.shape))
        assert (labels == 1).sum() == 32 * 32 - 16 * 16

    def test_what_is_drawn_last_hides_what_lies_beneath(self):
        canvas = Canvas(32)
        for part in ("wall", "door"):
            canvas.paint(square(canvas, 0, 0, 1, 1), ink(RED, part))
        assert {canvas.inks[number].part for number in canvas.cells().flat} == {"door"}

    def test_a_clipped_figure_stays_inside(self):
        canvas = Canvas(64)
        whole, clip = rectangle(0, 0, 1, 1), rectangle(0.25, 0.25, 0.5, 0.5)
        canvas.paint(canvas.stamp([whole], [clip]), ink(RED))
        assert np.argwhere(canvas.cells()).min() == 8
        assert np.argwhere(canvas.cells()).max() == 15

    def test_what_reaches_beyond_the_canvas_is_cut_off(self):
        canvas = Canvas(32)
        canvas.paint(square(canvas, -0.5, 0.5, 1.7, 3), ink(RED))
        assert (canvas.cells()[:8] == 0).all()
        assert (canvas.cells()[8:] == 1).all()

    def test_shade_darkens_what_it_covers_and_changes_no_label(self):
        canvas, bright = Canvas(32), Canvas(32)
        for each in (canvas, bright):
            each.paint(square(each, 0, 0, 1, 1), ink(RED))
        canvas.shade(square(canvas, 0, 0, 0.5, 1))
        ratio = canvas.colours() / bright.colours()
        assert (ratio[:, :15] < 0.9).all()
        assert (ratio[:, 17:] == 1).all()
        assert (canvas.cells() == bright.cells()).all()

    def test_the_lee_is_the_stated_share_at_the_right_and_the_foot(self):
        canvas = Canvas(100)
        canvas.paint(square(canvas, 0.1, 0.1, 0.9, 0.9).lee(0.25, 0.5), ink(RED))
        lee = canvas.cells() > 0
        assert not lee[5:24, 5:34].any()
        assert lee[26:45, 5:45].all()
        assert lee[5:45, 36:45].all()

    def test_a_later_coat_takes_the_shade_off(self):
        canvas = Canvas(32)
        canvas.shade(square(canvas, 0, 0, 1, 1))
        canvas.paint(square(canvas, 0, 0, 1, 1), ink(RED))
        assert canvas.colours() == pytest.approx(np.broadcast_to(RED, (32, 32, 3)))


class TestPainter:
    @pytest.mark.parametrize("texture", SURFACES)
    def test_a_texture_shows_both_colours_and_is_labelled_as_a_whole(self, texture, tmp_path):
        pitch = 0 if texture in ("gores", "tiles") else 0.2
        text = "thing | 1,1\n  , | coral | box -.3,-.45 .3,.2 | "
        canvas = painted(tmp_path, f"{text}pattern={texture} figure=pine pitch={pitch}")
        inks = [canvas.inks[number] for number in canvas.cells().flat if number]
        assert {ink.texture for ink in inks} == {PATTERNS[texture][0]}
        assert 0.15 < np.mean([ink.top[0] > ink.top[1] for ink in inks]) < 0.85

    def test_figures_alone_leave_the_ground_as_it_was(self, tmp_path):
        text = "thing | 1,1\n  wall, | coral | box -1,-1 1,1\n"
        text += "  window, | pine | box -1,-1 1,1 | pattern=panes figure=pine pitch=.2 only=figures"
        canvas = painted(tmp_path, text)
        parts = Counter(canvas.inks[number].part for number in canvas.cells().flat)
        assert set(parts) == {"wall", "window"}
        assert parts["wall"] > parts["window"]

    def test_one_of_the_alternatives_is_drawn_with_all_that_belongs_to_it(self, tmp_path):
        text = "thing | 1,1\n  either a, | coral | box -1,-1 0,1\n  and b, | pine | box 0,-1 1,1\n"
        text += "  or c, | pine | box -1,-1 1,1\n  or nothing"
        drawn = set()
        for seed in range(30):
            canvas = painted(tmp_path, text, seed)
            drawn.add(frozenset(canvas.inks[number].part for number in canvas.cells().flat))
        assert drawn == {frozenset("ab"), frozenset("c"), frozenset([None])}

    def test_a_piece_names_thing_part_and_material(self, tmp_path):
        text = "pot:small | 1,1\n  rim, ceramic | coral | box -1,-1 1,0\n"
        text += "  soil: , sand | umber | box -1,0 1,1"
        canvas = painted(tmp_path, text)
        labels = {canvas.inks[number][2:5] for number in canvas.cells().flat}
        assert labels == {("pot", "rim", "ceramic"), ("soil", None, "sand")}

    def test_every_colour_and_pattern_that_is_written_exists(self):
        known = {*_HEX, *_GROUPS, *pick_mood(Random(0), night=False), "main", "figure"}
        for thing in (*KINDS.values(), *PROPS.values()):
            for piece in chain.from_iterable(chain.from_iterable(thing.sketch)):
                names = f"{piece.tone} {piece.foot} {piece.figure}".replace("+", "").replace(
                    "-", ""
                )
                assert {*names.split()} <= known
                assert {*piece.pattern.replace("fabric", FABRICS).split(",")} <= set(PATTERNS)


class TestShapes:
    def test_copies_and_turns_are_where_they_are_written(self, tmp_path):
        text = "thing | 1,1\n  , | pine | box 0,0 .1,.1 at 1,1 2,0; box .1,0 .2,.1 turned 4 1,1"
        [[[piece]]] = things(tmp_path, text)["thing"].sketch
        lows = [outline.min(axis=0).tolist() for outline in piece.outlines]
        wanted = [(1, 1), (2, 0), (1.1, 1), (0.9, 1.1), (0.8, 0.9), (1, 0.8)]
        assert lows == [pytest.approx(low) for low in wanted]

    def test_a_smooth_outline_stays_within_its_points(self):
        corners = np.array([(0, 0), (2, 0), (2, 1), (0, 1)], dtype=np.float64)
        curve = smooth(corners)
        assert len(curve) == 32
        assert (curve >= 0).all()
        assert (curve <= (2, 1)).all()

    def test_a_mirrored_frame_turns_the_other_way(self):
        point = np.array([[0.3, 0.1]])
        plain = placed(point, frame((0, 0), turn=20))
        mirrored = placed(point, frame((0, 0), across=-1, turn=-20))
        assert mirrored == pytest.approx(plain * (-1, 1))

    def test_frames_nest(self):
        point, inner, outer = (
            np.array([[0.3, 0.1]]),
            frame((1, 2), 3, turn=30),
            frame((0.2, 0.1), 0.5),
        )
        assert placed(point, inner @ outer) == pytest.approx(placed(placed(point, inner), outer))


class TestPictures:
    @pytest.mark.parametrize("name", KINDS)
    def test_the_class_is_the_largest_of_the_main_things(self, name):
        shares = Counter[str]()
        for number in range(8):
            picture = draw_picture(seed=1, split="train", name=name, number=number, size=32)
            things = [picture.inks[cell].thing for cell in picture.cells.flat]
            shares.update(thing for thing in things if thing in KINDS)
        assert shares.most_common(1)[0][0] == name

    def test_a_picture_is_a_function_of_its_arguments(self):
        given = {"seed": 3, "split": "val", "name": "car", "number": 7, "size": 48}
        first, second = draw_picture(**given), draw_picture(**given)
        assert first.pixels.tobytes() == second.pixels.tobytes()
        assert first.inks == second.inks
        for change in ({"seed": 4}, {"split": "train"}, {"name": "tree"}, {"number": 8}):
            assert (draw_picture(**given | change).pixels != first.pixels).any()

    def test_a_larger_picture_shows_the_same_things_at_the_same_places(self):
        small, large = (
            draw_picture(seed=0, split="train", name="house", number=2, size=size)
            for size in (48, 96)
        )
        small_planes, large_planes = label_planes(small), label_planes(large)
        assert small.scenes == large.scenes
        same = small_planes[1:] == large_planes[1:, 1::2, 1::2]
        assert same.mean() > 0.9

    def test_a_part_lies_in_a_thing_and_a_wider_name_over_its_kinds(self):
        kinds = {concept("building"): {"house", "windmill"}, concept("animal"): {"bird", "fish"}}
        for number in range(12):
            name = list(KINDS)[number % 10]
            picture = draw_picture(seed=2, split="train", name=name, number=number, size=32)
            planes = dict(zip(PLANES, label_planes(picture), strict=True))
            assert planes["object_1"].all()
            for wider, names in kinds.items():
                narrow = np.isin(planes["object_1"], [concept(each) for each in names])
                assert ((planes["object_2"] == wider) == narrow).all()

    def test_the_mean_colour_says_little_about_the_class(self):
        def means(split: str) -> list[list[np.ndarray]]:
            return [
                [
                    draw_picture(seed=0, split=split, name=name, number=number, size=32)
                    .pixels.reshape(16, 64, 3)
                    .mean(axis=1)
                    for number in range(4)
                ]
                for name in KINDS
            ]

        centres = np.array([np.mean(each, axis=0) for each in means("train")])
        hits = [
            np.abs(centres - colours).sum(axis=(1, 2)).argmin() == label
            for label, pictures in enumerate(means("val"))
            for colours in pictures
        ]
        assert np.mean(hits) < 0.35


class TestColours:
    def test_each_prototype_has_its_own_name(self):
        names = {(20, 20, 20): "black-c", (110, 72, 42): "brown-c", (235, 130, 35): "orange-c"}
        for tone, name in names.items():
            pixels = np.full((4, 4, 3), tone, np.uint8)
            assert (colour_plane(pixels) == concept(name)).all()

    def test_a_block_is_averaged_before_it_is_named(self):
        pixels = np.zeros((2, 4, 3), np.uint8)
        pixels[:, 0] = 250
        assert colour_plane(pixels).tolist() == [[concept("grey-c"), concept("black-c")]]


class TestLayout:
    def test_a_set_reads_back_as_it_was_drawn(self, drawn, tmp_path):
        chosen = SceneSet(seed=0, **TINY)
        concepts = BrodenFolder.open(drawn)
        names = {label.number: label.name for label in concepts.labels} | {0: None}
        known = [None, *(name for _, name in VOCABULARY)]
        pictures = chosen.pictures()[:6]
        sheets = draw_pictures(tmp_path, chosen, pictures)
        for index, (spot, sheet) in enumerate(zip(pictures, sheets, strict=True)):
            annotation = concepts.read_annotation(index)
            planes = [
                plane
                for name, plane in zip(PLANES, sheet, strict=True)
                if plane.any() and "scene" not in name
            ]
            scenes = [sheet[PLANES.index(name)] for name in ("scene_1", "scene_2")]
            assert concepts.images[index] == f"{spot.stem}.png"
            assert [names[number] for number in annotation.whole] == [
                known[scene[0, 0]] for scene in scenes if scene.all()
            ]
            for written, meant in zip(annotation.planes, planes, strict=True):
                assert [names[n] for n in written.flat] == [known[c] for c in meant.flat]

    def test_primary_categories_are_those_the_labels_were_drawn_in(self, drawn):
        labels = BrodenFolder.open(drawn).labels
        assert {(label.category, label.name) for label in labels} <= set(VOCABULARY)
        assert {label.category for label in labels} == set(CATEGORIES)
        assert len({name for _, name in VOCABULARY}) == len(VOCABULARY) < 256

    def test_counts_agree_with_the_files(self, drawn):
        pictures, cells = Counter[int](), Counter[int]()
        for row in rows(drawn / "index.csv"):
            found = Counter[int]()
            for entry in (entry for category in CATEGORIES for entry in row[category].split(";")):
                if entry.isdecimal():
                    found[int(entry)] += 32 * 32
                elif entry:
                    plane = np.asarray(Image.open(drawn / "images" / entry)).astype(int)
                    numbers = plane[..., 0] + 256 * plane[..., 1]
                    assert plane.shape == (32, 32, 3)
                    assert numbers.any()
                    found.update(numbers[numbers > 0].tolist())
            pictures.update(found.keys())
            cells.update(found)
        labels = rows(drawn / "label.csv")
        for row in labels:
            assert int(row["frequency"]) == pictures[int(row["number"])]
            assert float(row["coverage"]) == pytest.approx(
                cells[int(row["number"])] / 1024, abs=1e-6
            )
        assert len(labels) == len(pictures)

    def test_numbers_run_by_falling_frequency_over_all_categories(self, drawn):
        labels = rows(drawn / "label.csv")
        assert [int(row["number"]) for row in labels] == list(range(1, len(labels) + 1))
        frequencies = [int(row["frequency"]) for row in labels]
        assert frequencies == sorted(frequencies, reverse=True)

    def test_each_category_sums_up_its_labels(self, drawn):
        summary = {row["name"]: row for row in rows(drawn / "category.csv")}
        assert tuple(summary) == CATEGORIES
        for category, row in summary.items():
            members = rows(drawn / f"c_{category}.csv")
            assert [int(member["code"]) for member in members] == list(range(1, len(members) + 1))
            assert int(row["count"]) == len(members)
            assert int(row["frequency"]) == sum(int(member["frequency"]) for member in members)
            assert (row["first"], row["last"]) == (members[0]["number"], members[-1]["number"])

    def test_lines_end_as_broden_ends_them(self, drawn):
        for path in drawn.glob("*.csv"):
            text = path.read_bytes()
            assert text.count(b"\r\n") == text.count(b"\n") > 1
        header = (drawn / "index.csv").read_text().splitlines()[0]
        assert header == "image,split,ih,iw,sh,sw,color,object,part,material,scene,texture"

    def test_classes_are_balanced_and_take_turns(self, drawn):
        folders = {path.name for path in (drawn / "images" / "train").iterdir()}
        assert folders == set(KINDS)
        for split, share in (("train", 3), ("val", 2)):
            for name in KINDS:
                files = sorted(path.name for path in (drawn / "images" / split / name).iterdir())
                assert files == [f"{number:04d}.png" for number in range(share)]
        index = rows(drawn / "index.csv")
        assert [row["image"].split("/")[1] for row in index[:10]] == list(KINDS)
        assert Counter(row["split"] for row in index) == {"train": 30, "val": 20}


class TestDrawing:
    def test_no_byte_depends_on_the_number_of_workers(self, tmp_path):
        chosen = SceneSet(seed=7, size=32, train=13, val=10)
        done: list[None] = []
        for count in (1, 2):
            (tmp_path / str(count)).mkdir()
            workers.draw_set(
                tmp_path / str(count), chosen, workers=count, advance=lambda: done.append(None)
            )
            assert len(done) == 23 * count
        assert content(tmp_path / "1") == content(tmp_path / "2")

    def test_a_failing_worker_is_explained(self, tmp_path):
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(StoreError, match="NotADirectoryError"):
            workers.draw_set(tmp_path / "file", TEN, workers=2, advance=lambda: None)

    def test_an_interrupted_set_leaves_nothing(self, tmp_path, monkeypatch):
        pictures = iter(range(4))

        def fail(**given: object) -> object:
            if next(pictures) == 3:
                raise KeyboardInterrupt
            return draw_picture(**given)

        monkeypatch.setattr(writer, "draw_picture", fail)
        with pytest.raises(KeyboardInterrupt):
            draw_scenes(tmp_path / "set", TEN)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [({"size": 97}, "size is 97"), ({"size": 30}, "size is 30"), ({"val": 9}, "val is 9")],
    )
    def test_what_cannot_be_drawn_is_refused(self, wrong, said):
        with pytest.raises(ConfigError, match=said):
            SceneSet(**({"train": 10, "val": 10, "size": 32} | wrong))

    def test_what_lies_there_already_is_not_touched(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        for occupied in (tmp_path, tmp_path / "notes.txt"):
            with pytest.raises(ConfigError, match="there already"):
                draw_scenes(occupied, TEN)
        assert (tmp_path / "notes.txt").read_text() == "mine"


class TestCache:
    def test_two_who_ask_at_once_get_one_set_drawn_once(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path))
        drawn, found = [], []

        def count(root: Path, chosen: SceneSet, **given: object) -> Path:
            drawn.append(root)
            return draw_scenes(root, chosen, **given)

        monkeypatch.setattr(scenes, "draw_scenes", count)
        ask = lambda: found.append(scenes_folder(TEN))  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(drawn) == 1
        assert found == drawn * 3
        assert found[0].name == f"scenes-v{scenes.SCENES_VERSION}-seed0-10+10-32px"

    def test_a_draft_left_by_a_killed_process_is_swept_away(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path))
        name = f"scenes-v{scenes.SCENES_VERSION}-seed0-10+10-32px"
        (tmp_path / f".{name}.1.drawing" / "images").mkdir(parents=True)
        assert scenes_folder(TEN) == tmp_path / name
        assert not list(tmp_path.glob(".*.drawing"))

    def test_a_cache_that_cannot_be_written_is_explained(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "file"))
        with pytest.raises(ConfigError, match="set PRUNESCOPE_CACHE"):
            scenes_folder(TEN)


def test_a_set_knows_its_classes_without_what_draws_them():
    assert class_names() == tuple(KINDS)
