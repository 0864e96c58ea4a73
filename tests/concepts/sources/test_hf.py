"""Is a data set of Hugging Face a concept set, and is each fault named with its row?"""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from concepts.as_hub import write_as_hub
from concepts.hub_files import (
    CAR,
    DOG,
    GRASS,
    SECOND,
    SHOWN,
    VALUES,
    as_parquet,
    cell,
    png,
    saved,
    with_boxes,
    with_classes,
    with_maps,
    with_objects,
)
from concepts.worlds import photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, Label, splits_of

MAPS = ",mask=mask,classes_of=shown"


@pytest.fixture(autouse=True)
def _silent():
    datasets.disable_progress_bars()


@pytest.fixture
def make(tmp_path):
    """Return a function that saves tables and opens them."""

    def write(tables, options="", **asked):
        return open_concepts(f"hf:{saved(tables, tmp_path / 'set')}{options}", **asked)

    return write


class TestMaps:
    def test_values_are_the_classes_that_the_type_of_a_column_names(self, make):
        concepts = make(with_maps(), MAPS)
        assert isinstance(concepts, ConceptSet)
        assert concepts.labels == tuple(
            Label(number=number, name=name, category="object")
            for number, name in ((CAR, "car"), (DOG, "dog"), (GRASS, "grass"))
        )
        [plane] = concepts.read_annotation(0).planes
        expected = np.array(VALUES)
        expected[expected == 255] = 0
        assert plane.dtype == np.int32
        assert (plane == expected).all()
        assert concepts.images == ("train/000000", "train/000001")

    def test_pictures_are_those_that_datasets_decodes(self, make):
        table = with_maps()
        concepts = make(table, MAPS)
        shown = np.asarray(table[0]["image"].convert("RGB"))
        assert (np.asarray(concepts.read_image(0)) == shown).all()

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("id2label.json", json.dumps({"0": "unlabeled", "1": "car", "2": "dog", "3": "grass"})),
            ("config.json", json.dumps({"id2label": {"1": "car", "2": "dog", "3": "grass"}})),
            ("names.csv", "name,value\ncar,1\ndog,2\ngrass,3\n,255\n"),
        ],
    )
    def test_a_file_may_name_the_values(self, make, tmp_path, name, content):
        (tmp_path / name).write_text(content)
        concepts = make(with_maps(), f",mask=mask,classes={tmp_path / name}")
        assert [label.name for label in concepts.labels] == ["car", "dog", "grass"]
        assert concepts.read_annotation(0).numbers() == (CAR, DOG, GRASS)

    def test_maps_of_one_row_are_planes(self, make, tmp_path):
        features = {"image": datasets.Image(), "maps": datasets.Sequence(datasets.Image())}
        columns = {"image": [cell(SHOWN)], "maps": [[cell(png(VALUES)), cell(png(SECOND))]]}
        table = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        (tmp_path / "names.json").write_text('{"1": "car", "2": "dog", "3": "grass"}')
        concepts = make(table, f",classes={tmp_path / 'names.json'}")
        planes = concepts.read_annotation(0).planes
        assert (planes[1] == SECOND).all()
        assert len(planes) == 2

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
    def test_maps_that_datasets_encodes_from_arrays_are_read(self, make, kind):
        table = with_maps(mask=[np.array(VALUES, kind), np.array(SECOND, kind)])
        assert make(table, MAPS).read_annotation(0).numbers() == (CAR, DOG, GRASS)

    def test_the_first_column_that_can_be_a_mask_needs_no_name(self, make):
        concepts = make(with_maps(), ",classes_of=shown")
        assert concepts.read_annotation(0).numbers() == (CAR, DOG, GRASS)


class TestObjects:
    def test_boxes_mark_the_pixels_within(self, make):
        concepts = make(with_boxes())
        assert [label.name for label in concepts.labels] == ["car", "dog", "grass"]
        car, dog = concepts.read_annotation(0).planes
        assert car.tolist() == [[CAR, CAR, 0, 0], [CAR, CAR, 0, 0], [0] * 4]
        assert dog.tolist() == [[0] * 4, [0, DOG, DOG, DOG], [0] * 4]

    def test_corners_may_be_right_and_bottom(self, make):
        concepts = make(with_boxes([[1, 1, 3, 2]], [2]), ",corners=true")
        [plane] = concepts.read_annotation(0).planes
        assert plane.tolist() == [[0] * 4, [0, GRASS, GRASS, 0], [0] * 4]

    def test_masks_of_objects_are_joined_to_labels(self, make):
        first, second = png([[9, 0, 0, 0]] * 3), png([[0, 0, 0, 1]] * 3)
        concepts = make(with_objects([first, second, first], [0, 0, 1]))
        car, dog = concepts.read_annotation(0).planes
        assert car.tolist() == [[CAR, 0, 0, CAR]] * 3
        assert dog.tolist() == [[DOG, 0, 0, 0]] * 3

    def test_a_row_without_objects_is_an_image_without_labels(self, make):
        annotation = make(with_objects([], [])).read_annotation(0)
        assert annotation.numbers() == ()
        assert annotation.shape == (3, 4)


class TestClasses:
    def test_a_class_fills_its_image(self, make):
        concepts = make(with_classes([1, None]))
        assert {label.category for label in concepts.labels} == {"class"}
        annotation = concepts.read_annotation(0)
        assert annotation.whole == (DOG,)
        assert annotation.planes.shape == (0, 3, 4)
        assert concepts.read_annotation(1).whole == ()

    def test_an_image_stored_on_its_side_is_turned_upright_as_datasets_does(self, make):
        file, exif = io.BytesIO(), Pillow.Exif()
        exif[0x0112] = 6
        Pillow.open(io.BytesIO(SHOWN)).save(file, "png", exif=exif)
        table = with_classes([0]).remove_columns("image")
        table = table.add_column("image", [cell(file.getvalue())])
        table = table.cast_column("image", datasets.Image())
        concepts = make(table)
        shown = concepts.read_image(0)
        assert shown.size == (3, 4)
        assert (np.asarray(shown) == np.asarray(table[0]["image"].convert("RGB"))).all()
        assert concepts.read_annotation(0).shape == (4, 3)

    def test_a_name_is_one_label_wherever_it_stands(self, make):
        concepts = make(with_maps(), f"{MAPS},label=shown")
        assert [(label.name, label.category) for label in concepts.labels] == [
            *((name, "object") for name in ("car", "dog", "grass")),
            ("background", "class"),
        ]
        assert concepts.read_annotation(1).whole == (DOG,)

    def test_an_image_folder_is_a_set_of_classes(self, tmp_path):
        for name in ("cat", "dog"):
            (tmp_path / "pets/train" / name).mkdir(parents=True)
            (tmp_path / "pets/train" / name / "1.png").write_bytes(SHOWN)
        concepts = open_concepts(f"hf:{tmp_path / 'pets'}")
        assert [concepts.read_annotation(index).whole for index in range(2)] == [(1,), (2,)]
        assert len(concepts.fingerprint) == 64


class TestRows:
    def test_splits_follow_one_another(self, make):
        tables = {"train": with_maps(), "validation": with_maps()}
        concepts = make(tables, MAPS)
        assert splits_of(concepts) == ("train", "train", "validation", "validation")
        assert make(tables, f"{MAPS},split=validation").images == concepts.images[2:]

    def test_one_split_may_be_asked_for(self, tmp_path):
        root = saved({"train": with_maps(), "validation": with_maps()}, tmp_path / "set")
        of_option = open_concepts(f"hf:{root}{MAPS},split=validation")
        of_setting = open_concepts(f"hf:{root}{MAPS}", split="validation")
        assert of_option.images == of_setting.images == ("validation/000000", "validation/000001")
        with pytest.raises(ConfigError, match=r'no split "validaton".*"validation".*train'):
            open_concepts(f"hf:{root}{MAPS},split=validaton")

    def test_parquet_and_saved_tables_are_one_set(self, tmp_path):
        tables = {"train": with_maps(), "test": with_maps()}
        stored = [saved(tables, tmp_path / "saved"), as_parquet(tables, tmp_path / "hub", group=1)]
        first, second = (open_concepts(f"hf:{root}{MAPS}", split="train") for root in stored)
        assert first.fingerprint == second.fingerprint
        assert first.labels == second.labels
        for index in range(2):
            planes = [concepts.read_annotation(index).planes for concepts in (first, second)]
            assert (planes[0] == planes[1]).all()

    def test_only_what_can_change_a_count_changes_the_fingerprint(self, make, tmp_path):
        def opened(name, table, options=MAPS):
            return open_concepts(f"hf:{saved(table, tmp_path / name)}{options}")

        first = opened("a", with_maps())
        assert opened("b", with_maps(shown=[[1], []])).fingerprint == first.fingerprint
        assert first.part([0]).fingerprint != first.fingerprint
        assert first.part([0, 1]).fingerprint == first.fingerprint
        others = [
            opened("c", with_maps(mask=[cell(png(SECOND)), cell(png(SECOND))])),
            opened("d", with_maps(image=[cell(photograph(3, 4, "1")), cell(SHOWN)])),
            opened("e", with_maps(), f"{MAPS},label=shown"),
        ]
        assert len({first.fingerprint, *(o.fingerprint for o in others)}) == 4

    def test_files_that_a_table_names_are_read(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(SHOWN)
        table = with_classes([0]).remove_columns("image").add_column("image", [str(path)])
        features = datasets.Features({"label": table.features["label"], "image": datasets.Image()})
        concepts = open_concepts(f"hf:{saved(table.cast(features), tmp_path / 'set')}")
        assert concepts.read_image(0).size == (4, 3)

    def test_rows_can_be_read_from_several_threads(self, tmp_path):
        tables = {"train": datasets.concatenate_datasets([with_maps()] * 8)}
        concepts = open_concepts(f"hf:{as_parquet(tables, tmp_path / 'hub', group=2)}{MAPS}")
        with ThreadPoolExecutor(4) as pool:
            numbers = list(pool.map(lambda i: concepts.read_annotation(i).numbers(), range(16)))
        assert numbers == [(CAR, DOG, GRASS), (DOG,)] * 8


class TestBroken:
    def test_a_row_that_cannot_be_read_may_be_left_out(self, tmp_path):
        masks = [cell(png(VALUES))] * 120
        whole = datasets.concatenate_datasets([with_maps()] * 60)
        broken = whole.remove_columns("mask").add_column(
            "mask", [*masks[:7], cell(png(VALUES)[:50]), *masks[8:]]
        )
        broken = broken.cast_column("mask", datasets.Image())
        sound = broken.select([row for row in range(120) if row != 7])
        names = [
            f"hf:{saved({'train': table}, tmp_path / name)}{MAPS}"
            for name, table in (("broken", broken), ("sound", sound))
        ]
        left = open_concepts(names[0], skip_broken=True)
        assert len(left.images) == 119
        assert "train/000007" not in left.images
        assert left.left_out[0].reason.startswith("broken, row 7 of train, mask cannot be read")
        report = check_concepts(open_concepts(names[0], lenient=True))
        assert len(report.problems) == 1
        totals = [check_concepts(concepts).labels for concepts in (left, open_concepts(names[1]))]
        pd.testing.assert_frame_equal(*totals)


class TestFaults:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (
                ",mask=maks",
                r'set has no column "maks", which mask= states.*"mask".*columns are',
            ),
            (
                ",mask=shown",
                "mask=shown of .* must be an image, a list of .*: image or mask",
            ),
            (",image=shown", "image=shown of .* but must be an image: image or mask"),
            (",boxes=mask", "boxes=mask of .* must be objects with a bbox and a class each"),
            (",label=image", "label=image of .* must be a class, or a list of classes: shown"),
            (",mask=mask", "does not say what the values in mask mean: name them, by classes=FILE"),
            (",classes_of=show", r'no column "show", which classes_of= states.*"shown"'),
            (",classes_of=mask", "classes_of=mask .* whose type names no classes"),
            (f"{MAPS},corners=yes", 'corners .* is "yes"'),
            (f"{MAPS},config=b", "config chooses on the Hub, but .* is a folder here"),
            (f"{MAPS},masks=mask", r'no option "masks".*"mask"'),
        ],
    )
    def test_options_that_do_not_fit_are_told(self, make, options, said):
        with pytest.raises(ConfigError, match=said):
            make(with_maps(), options)

    @pytest.mark.parametrize(
        ("mask", "said"),
        [
            (
                png([[4] * 4] * 3),
                r"row 1 of train, mask holds value 4 \(12 .*shown does not list",
            ),
            (png(VALUES)[:60], "row 1 of train, mask cannot be read"),
            (b"no picture", "row 1 of train, mask cannot be read"),
            (None, "row 1 of train, mask is empty"),
        ],
    )
    def test_a_faulty_map_is_told_with_its_row(self, make, mask, said):
        concepts = make(with_maps(mask=[cell(png(VALUES)), cell(mask)]), MAPS)
        assert concepts.read_annotation(0).numbers() == (CAR, DOG, GRASS)
        with pytest.raises(DataError, match=said):
            concepts.read_annotation(1)

    def test_a_map_that_is_jpeg_is_told(self, make, tmp_path):
        Pillow.fromarray(np.array(VALUES, np.uint8)).save(tmp_path / "a.jpg")
        stored = cell((tmp_path / "a.jpg").read_bytes())
        concepts = make(with_maps(mask=[stored, stored]), MAPS)
        with pytest.raises(DataError, match="row 0 of train, mask is JPEG inside, which blurs"):
            concepts.read_annotation(0)

    def test_a_mask_of_another_size_is_told_with_its_image(self, make):
        concepts = make(with_maps(mask=[cell(png([[0] * 4] * 4))] * 2), MAPS)
        with pytest.raises(DataError, match=r"row 0 of train, mask is 4 x 4 .* image is 3 x 4"):
            concepts.read_image(0)

    def test_masks_of_several_sizes_are_told(self, make):
        concepts = make(with_objects([png([[1] * 4] * 3), png([[1] * 2] * 3)], [0, 1]))
        with pytest.raises(DataError, match="row 0 of train has masks of several sizes: 3 x 2 and"):
            concepts.read_annotation(0)

    def test_every_faulty_box_of_a_row_is_told(self, make):
        concepts = make(with_boxes([[0, 0, 9, 1], [0, 0, -1, 1], [0, 0, 1, 1]], [0, 1, -1]))
        with pytest.raises(DataError) as told:
            concepts.read_annotation(0)
        lines = str(told.value).splitlines()
        assert len(lines) == 3
        assert "row 0 of train, objects 0: a corner has x = 9" in lines[0]
        assert "objects 1: its bbox" in lines[1]
        assert (
            "objects 2 has the class -1, but the classes that are named run from 0 to 2" in lines[2]
        )

    def test_a_class_out_of_range_is_told(self, make):
        # `datasets` itself refuses such a number, so it is written as a plain one
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
        table = datasets.Dataset.from_dict(
            {"image": [cell(SHOWN)], "label": [9]}, features=features
        )
        with pytest.raises(ConfigError, match=r"classes in label of .* are numbers without names"):
            make(table, ",label=label")

    def test_numbers_may_be_named_by_a_file(self, make, tmp_path):
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
        table = datasets.Dataset.from_dict(
            {"image": [cell(SHOWN)] * 2, "label": [1, 9]}, features=features
        )
        (tmp_path / "names.json").write_text('{"1": "car", "2": "dog"}')
        concepts = make(table, f",label=label,classes={tmp_path / 'names.json'}")
        assert concepts.read_annotation(0).whole == (CAR,)
        with pytest.raises(DataError, match=r"row 1 of train, label has the class 9.*1 to 2"):
            concepts.read_annotation(1)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("{", "cannot be read as JSON"),
            ('["car"]', "must hold a name for each number"),
            ('{"car": 1}', "must hold a name for each number"),
            ('{"1": "car", "2": "car"}', "has 'car' twice"),
            ('{"0": "background"}', "names no class"),
        ],
    )
    def test_a_faulty_file_of_names_is_told(self, make, tmp_path, content, said):
        (tmp_path / "names.json").write_text(content)
        with pytest.raises(DataError, match=f"names.json {said}"):
            make(with_maps(), f",classes={tmp_path / 'names.json'}")

    def test_an_empty_set_is_told(self, make, tmp_path):
        said = "has no rows, and so the set is empty"
        root = as_parquet({"train": with_classes([])}, tmp_path / "hub")
        with pytest.raises(DataError, match=said):
            open_concepts(f"hf:{root}")
        make(with_classes([0]))
        state = json.loads((tmp_path / "set/state.json").read_text())
        (tmp_path / "set/state.json").write_text(json.dumps(state | {"_data_files": []}))
        with pytest.raises(DataError, match=said):
            open_concepts(f"hf:{tmp_path / 'set'}")

    def test_several_columns_that_can_be_meant_are_told(self, make):
        table = with_classes([0]).add_column("other", [0])
        table = table.cast_column("other", table.features["label"])
        with pytest.raises(ConfigError, match=r"has 2 columns that can be its label.* or other"):
            make(table)

    def test_a_set_that_says_nothing_is_told(self, make):
        with pytest.raises(ConfigError, match=r"no column of masks, boxes or named classes"):
            make(with_classes([0]).remove_columns("label"))
        with pytest.raises(ConfigError, match=r"has no column of images: state image="):
            make(with_classes([0]).remove_columns("image"))

    def test_splits_of_different_types_are_told(self, tmp_path):
        other = with_classes([0]).cast_column("label", datasets.ClassLabel(names=["a", "b", "c"]))
        root = as_parquet({"train": with_classes([0]), "test": other}, tmp_path / "hub")
        with pytest.raises(DataError, match=r"column label in .* with different types"):
            open_concepts(f"hf:{root}")

    def test_damaged_tables_are_told(self, make, tmp_path):
        make(with_maps(), MAPS)
        (tmp_path / "set/state.json").write_text("{")
        with pytest.raises(DataError, match="set cannot be read as a saved data set"):
            open_concepts(f"hf:{tmp_path / 'set'}{MAPS}")

    @pytest.mark.parametrize("name", ["no such place", "/no/such/place"])
    def test_a_name_that_cannot_be_on_the_hub_is_told(self, name):
        with pytest.raises(DataError, match=r"there is no folder .*no name on the Hub"):
            open_concepts(f"hf:{name}")


def test_check_names_the_classes_that_are_not_shown(make):
    report = check_concepts(make(with_classes([1])))
    assert report.problems == ()
    assert report.notes == (
        "2 classes have no pixel: car (number 1), grass (number 3); no image shows them",
    )


def test_it_is_converted_with_the_same_counts(make, tmp_path):
    source = make({"train": with_maps(), "test": with_maps()}, f"{MAPS},label=shown")
    back = convert_concepts(source, tmp_path / "out")
    assert splits_of(back) == splits_of(source)
    counts = [check_concepts(concepts).labels for concepts in (source, back)]
    pd.testing.assert_frame_equal(*counts)


def counts_of(concepts):
    report = check_concepts(concepts)
    assert report.problems == ()
    counts = report.labels[["name", "category", "images", "pixels"]]
    return counts[counts["images"] > 0].set_index(["category", "name"]).sort_index()


@pytest.mark.long
@pytest.mark.parametrize("form", ["maps", "objects"])
def test_a_drawn_set_comes_back_with_the_same_counts(drawn, tmp_path, form):
    source = open_concepts(f"broden:{drawn}")
    name = write_as_hub(source, tmp_path / "hub", form)
    back = convert_concepts(open_concepts(name, mask_size=16), tmp_path / "back")
    pd.testing.assert_frame_equal(counts_of(back), counts_of(source))


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("form", ["maps", "objects"])
def test_real_photographs_come_back_with_the_same_counts(shared, tmp_path, form):
    source = open_concepts(f"broden:{shared / 'data/minibroden_224'}")
    name = write_as_hub(source, tmp_path / "hub", form)
    back = convert_concepts(open_concepts(name, mask_size=112), tmp_path / "back")
    pd.testing.assert_frame_equal(counts_of(back), counts_of(source))
