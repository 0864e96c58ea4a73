"""Is a Broden folder read as its format says, and is every fault in it named?"""

import hashlib
import importlib.util
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from concepts.worlds import deep_colours
from prunescope.base.errors import DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.contents import fingerprint_set
from prunescope.concepts.protocol import ConceptSet, Label
from prunescope.concepts.sources.broden import BrodenFolder

HEADER = "image,split,ih,iw,sh,sw,color,object\n"


class TestAnnotations:
    def test_planes_and_whole_labels_are_read_in_the_order_of_the_categories(self, make_folder):
        annotation = BrodenFolder.open(make_folder()).read_annotation(0)
        assert annotation.whole == (2,)
        assert annotation.planes.dtype == np.int32
        assert annotation.planes.tolist() == [
            [[1, 1, 0, 0], [1, 300, 300, 0], [0, 0, 0, 0]],
            [[2, 2, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]],
            [[2, 3, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]],
        ]

    def test_an_image_with_whole_labels_only_has_the_size_of_its_row(self, make_folder):
        annotation = BrodenFolder.open(make_folder()).read_annotation(1)
        assert annotation.whole == (300,)
        assert annotation.planes.shape == (0, 3, 4)

    def test_any_size_of_map_will_do(self, make_folder):
        index = "image,split,ih,iw,sh,sw,object\na.png,train,6,8,113,227,m.png\n"
        plane = np.array([0, 2, 3])[np.arange(113 * 227) % 3].reshape(113, 227)
        folder = make_folder({"index.csv": index, "images/m.png": plane})
        assert (BrodenFolder.open(folder).read_annotation(0).planes[0] == plane).all()

    def test_blanks_around_entries_are_ignored(self, make_folder):
        folder = make_folder(
            {"index.csv": HEADER + "a.png,train,6,8,3,4,, 3 ; maps/a_1.png ;; 300\n"}
        )
        annotation = BrodenFolder.open(folder).read_annotation(0)
        assert annotation.whole == (3, 300)
        assert len(annotation.planes) == 1

    def test_threads_read_what_one_reads(self, make_folder):
        concepts = BrodenFolder.open(make_folder())
        order = [index % 3 for index in range(60)]
        with ThreadPoolExecutor(4) as pool:
            several = list(pool.map(concepts.read_annotation, order))
        for index, annotation in zip(order, several, strict=True):
            alone = concepts.read_annotation(index)
            assert annotation.whole == alone.whole
            assert (annotation.planes == alone.planes).all()

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],  # each writes all it reads
    )
    @given(data=st.data())
    def test_what_is_written_is_read(self, make_folder, data):
        numbers = data.draw(st.lists(st.integers(1, 65535), min_size=1, max_size=5, unique=True))
        height, width = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        pixel = st.sampled_from([0, *numbers])
        plane = st.lists(pixel, min_size=height * width, max_size=height * width)
        planes = data.draw(st.lists(plane, min_size=1, max_size=3))
        whole = data.draw(st.lists(st.sampled_from(numbers), max_size=3))
        entries = [*(str(n) for n in whole), *(f"{i}.png" for i in range(len(planes)))]
        folder = make_folder(
            {
                "index.csv": "image,split,ih,iw,sh,sw,object\n"
                f"a.png,train,6,8,{height},{width},{';'.join(entries)}\n",
                "category.csv": "name\nobject\n",
                "label.csv": "number,name\n" + "".join(f"{n},n{n}\n" for n in numbers),
                "c_object.csv": "number,coverage\n" + "".join(f"{n},1\n" for n in numbers),
            }
            | {
                f"images/{i}.png": np.array(numbers).reshape(height, width)
                for i, numbers in enumerate(planes)
            }
        )
        annotation = BrodenFolder.open(folder).read_annotation(0)
        assert annotation.whole == tuple(whole)
        assert annotation.planes.reshape(len(planes), -1).tolist() == planes


class TestImages:
    def test_an_image_is_read_in_rgb_whatever_its_mode(self, make_folder):
        picture = BrodenFolder.open(make_folder()).read_image(1)
        assert picture.mode == "RGB"
        assert picture.getpixel((7, 5)) == (47, 47, 47)

    def test_an_image_lies_under_images(self, make_folder):
        folder = make_folder()
        assert BrodenFolder.open(folder).image_path(2) == folder / "images" / "e.png"

    def test_an_image_of_another_size_is_named_with_its_row(self, make_folder):
        index = "image,split,ih,iw,sh,sw,color\na.png,train,8,6,3,4,1\n"
        concepts = BrodenFolder.open(make_folder({"index.csv": index}))
        with pytest.raises(DataError, match=r"a\.png is 6 x 8 .* the row says 8 x 6 \(row 2 of"):
            concepts.read_image(0)

    def test_a_missing_image_is_named(self, make_folder):
        concepts = BrodenFolder.open(make_folder({"images/e.png": None}))
        with pytest.raises(DataError, match=r"e\.png does not exist \(row 6 of"):
            concepts.read_image(2)

    @pytest.mark.parametrize("kept", [0, 1, 20, 50])
    def test_a_truncated_image_is_named(self, make_folder, kept):
        folder = make_folder()
        image = folder / "images" / "a.png"
        image.write_bytes(image.read_bytes()[:kept])
        with pytest.raises(DataError, match=r"a\.png cannot be read"):
            BrodenFolder.open(folder).read_image(0)


class TestFaultyMaps:
    def test_a_map_of_another_size_is_named(self, make_folder):
        folder = make_folder({"images/maps/a_1.png": np.zeros((4, 3), int)})
        with pytest.raises(DataError, match=r"a_1\.png is 4 x 3 .* says 3 x 4 \(row 2 of"):
            BrodenFolder.open(folder).read_annotation(0)

    @pytest.mark.parametrize("kept", [0, 10, 40, 45])
    def test_a_truncated_map_is_named(self, make_folder, kept):
        folder = make_folder()
        path = folder / "images" / "maps" / "a_1.png"
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(DataError, match=r"a_1\.png cannot be read"):
            BrodenFolder.open(folder).read_annotation(0)

    def test_a_map_in_grey_is_refused_for_its_numbers_would_be_wrong(self, make_folder):
        folder = make_folder()
        Image.new("L", (4, 3), 2).save(folder / "images" / "maps" / "a_1.png")
        with pytest.raises(DataError, match=r"a_1\.png is a picture of mode L"):
            BrodenFolder.open(folder).read_annotation(0)

    def test_a_map_with_colours_of_16_bits_is_refused(self, make_folder):
        deep = deep_colours(np.full((3, 4, 3), 2 << 8))
        folder = make_folder({"images/maps/a_1.png": deep})
        with pytest.raises(DataError, match=r"a_1\.png has colours of 16 bits.*row 2"):
            BrodenFolder.open(folder).read_annotation(0)

    def test_a_map_with_a_palette_is_read_as_the_colours_it_shows(self, make_folder):
        folder = make_folder()
        path = folder / "images" / "maps" / "a_1.png"
        with Image.open(path) as picture:
            palette = picture.quantize(4)
        assert palette.mode == "P"
        palette.save(path)
        plane = BrodenFolder.open(folder).read_annotation(0).planes[1]
        assert plane.tolist() == [[2, 2, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]]

    @pytest.mark.parametrize("number", [4, 5, 301, 65535])
    def test_a_number_without_a_label_is_named_with_its_map(self, make_folder, number):
        plane = np.zeros((3, 4), int)
        plane[2, 3] = number
        folder = make_folder({"images/maps/a_2.png": plane})
        with pytest.raises(DataError, match=rf"a_2\.png holds label {number},.*\(row 2 of"):
            BrodenFolder.open(folder).read_annotation(0)

    def test_every_fault_of_a_row_is_told_at_once(self, make_folder):
        gone = {"images/maps/a_color.png": None, "images/maps/a_2.png": np.zeros((9, 9), int)}
        with pytest.raises(DataError) as caught:
            BrodenFolder.open(make_folder(gone)).read_annotation(0)
        lines = str(caught.value).splitlines()
        assert len(lines) == 2
        assert "a_color.png" in lines[0]
        assert "a_2.png" in lines[1]

    def test_a_link_that_leaves_the_folder_is_not_followed(self, make_folder, tmp_path):
        folder = make_folder({"images/maps/a_1.png": None, "images/a.png": None})
        outside = make_folder(name="outside")
        for name in ("maps/a_1.png", "a.png"):
            (folder / "images" / name).symlink_to(outside / "images" / name)
        concepts = BrodenFolder.open(folder)
        with pytest.raises(DataError, match=r"a_1\.png is a link that leaves"):
            concepts.read_annotation(0)
        with pytest.raises(DataError, match=r"a\.png is a link that leaves"):
            concepts.read_image(0)

    def test_links_within_the_folder_and_to_the_folder_are_followed(self, make_folder, tmp_path):
        folder = make_folder({"images/maps/a_1.png": None})
        (folder / "images" / "maps" / "a_1.png").symlink_to("a_2.png")
        (tmp_path / "link").symlink_to(folder)
        planes = BrodenFolder.open(tmp_path / "link").read_annotation(0).planes
        assert (planes[1] == planes[2]).all()


class TestFingerprint:
    def test_a_copy_has_the_same_fingerprint(self, make_folder):
        first = BrodenFolder.open(make_folder()).fingerprint
        assert BrodenFolder.open(make_folder(name="copy"), name="another").fingerprint == first
        assert len(bytes.fromhex(first)) == 32

    @pytest.mark.parametrize(
        "change",
        [
            {"images/maps/a_2.png": np.zeros((3, 4), int)},
            {"images/e.png": b"other"},
            {"label.csv": "number,name\n1,red\n2,car\n3,orange\n300,orange-c\n"},
            {"c_part.csv": "number,coverage\n2,4.0\n3,0.1\n"},
            {"index.csv": HEADER + "a.png,train,6,8,3,4,maps/a_1.png,\n"},
            {"index.csv": HEADER + "a.png,train,6,8,3,4,1,\n"},
        ],
    )
    def test_whatever_changes_a_count_changes_it(self, make_folder, change):
        plain = BrodenFolder.open(make_folder()).fingerprint
        assert BrodenFolder.open(make_folder(change, name="changed")).fingerprint != plain

    def test_the_part_of_the_set_that_is_chosen_changes_it(self, make_folder):
        folder = make_folder()
        prints = {BrodenFolder.open(folder, limit=limit).fingerprint for limit in (1, 2, 3)}
        assert len(prints) == 3

    def test_rows_that_are_not_chosen_do_not(self, make_folder):
        folder = make_folder({"images/e.png": b"other"})
        plain = BrodenFolder.open(make_folder(name="plain"), limit=2)
        assert BrodenFolder.open(folder, limit=2).fingerprint == plain.fingerprint

    def test_a_missing_file_is_named(self, make_folder):
        concepts = BrodenFolder.open(make_folder({"images/maps/a_2.png": None}))
        with pytest.raises(DataError, match=r"a_2\.png cannot be read: No such file.*row 2 of"):
            _ = concepts.fingerprint

    def test_a_repainted_map_of_equal_size_changes_it(self, make_folder):
        folder = make_folder({"images/e.png": b"one"})
        plain = self.settled(folder).fingerprint
        (folder / "images" / "e.png").write_bytes(b"two")
        assert BrodenFolder.open(folder).fingerprint != plain

    def test_files_that_did_not_change_are_not_read_again(self, make_folder, monkeypatch):
        folder = make_folder()
        plain = self.settled(folder).fingerprint
        monkeypatch.setattr("prunescope.concepts.contents.hash_file", None)
        assert BrodenFolder.open(folder).fingerprint == plain

    def test_it_is_made_of_what_is_stated_then_sizes_then_contents(self, tmp_path):
        """As it was at first: other fingerprints would have every set dissected again."""
        files = [tmp_path / "a", tmp_path / "b"]
        for file in files:
            file.write_bytes(f"in {file.name}".encode())
        digest = hashlib.sha256(b'["x",1]4\n4\n')
        for file in files:
            digest.update(hashlib.sha256(file.read_bytes()).hexdigest().encode())
        found = fingerprint_set([["x", 1]], lambda: ((file, "") for file in files))
        assert found == digest.hexdigest()

    @staticmethod
    def settled(folder: Path) -> BrodenFolder:
        """Open a folder as it is long after its files were written."""
        for file in (folder / "images").rglob("*"):
            os.utime(file, (1e9, 1e9))
        return BrodenFolder.open(folder)


@pytest.mark.real
class TestRealPhotographs:
    @pytest.fixture
    def concepts(self, shared) -> ConceptSet:
        return open_concepts(f"broden:{shared / 'data' / 'minibroden_224'}")

    def test_all_images_and_labels_are_there(self, concepts):
        assert len(concepts.images) == 2000
        assert concepts.categories == ("color", "object", "scene", "texture")
        counts = Counter(label.category for label in concepts.labels)
        assert counts == {"color": 11, "object": 44, "scene": 9, "texture": 10}
        assert Label(number=7, name="car", category="object") in concepts.labels

    def test_splits_have_the_stated_sizes(self, shared):
        folder = shared / "data" / "minibroden_224"
        assert len(BrodenFolder.open(folder, split="train").images) == 1407
        assert len(BrodenFolder.open(folder, split="val").images) == 593

    def test_a_plain_reader_reads_the_same(self, concepts, shared):
        world = _oracle().read_broden(shared / "data" / "minibroden_224", limit=150)
        assert world.primary == {label.number: label.category for label in concepts.labels}
        for index, image in enumerate(world.images):
            annotation = concepts.read_annotation(index)
            assert concepts.images[index] == image.path
            assert annotation.shape == (image.height, image.width)
            assert annotation.whole == tuple(image.whole)
            assert len(annotation.planes) == len(image.planes)
            for plane, expected in zip(annotation.planes, image.planes, strict=True):
                assert (plane == expected).all()


def _oracle() -> ModuleType:
    path = Path(__file__).parents[2] / "oracle" / "dissection.py"
    spec = importlib.util.spec_from_file_location("oracle_dissection", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
