"""Do the contact sheets show the set, the same at every drawing?"""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.fonts import DEFAULT_FAMILY, families_for, font_for
from prunescope.concepts.protocol import Label
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.sources.masks import MaskFolder
from prunescope.report.preview import colour_labels, drawable, preview_concepts

RED, ORANGE = (185, 35, 40), (235, 130, 35)  # how red-c and orange-c are painted


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def holds(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


def test_the_same_seed_draws_the_same_bytes(make_folder, tmp_path):
    concepts = BrodenFolder.open(make_folder())
    first = preview_concepts(concepts, tmp_path / "first", seed=3)
    second = preview_concepts(concepts, tmp_path / "second", seed=3)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_seed_draws_other_images(make_folder, tmp_path):
    rows = "".join(f"{n}.png,train,6,8,3,4,1\n" for n in range(40))
    images = {f"images/{n}.png": _plain(n) for n in range(40)}
    index = {"index.csv": "image,split,ih,iw,sh,sw,color\n" + rows}
    concepts = BrodenFolder.open(make_folder(index | images))
    sheets = {
        preview_concepts(concepts, tmp_path / str(seed), images=2, seed=seed)[0].read_bytes()
        for seed in range(3)
    }
    assert len(sheets) == 3


def test_labels_are_painted_in_their_colours_and_only_where_they_occur(make_folder, tmp_path):
    concepts = BrodenFolder.open(make_folder(), limit=1)
    sheet = pixels(preview_concepts(concepts, tmp_path / "both")[0])
    assert holds(sheet, RED)
    assert holds(sheet, ORANGE)
    without = make_folder({"images/maps/a_color.png": np.ones((3, 4), int)}, "without")
    sheet = pixels(preview_concepts(BrodenFolder.open(without, limit=1), tmp_path / "red")[0])
    assert holds(sheet, RED)
    assert not holds(sheet, ORANGE)


def test_images_that_bring_new_labels_are_preferred(make_folder, tmp_path):
    rows = "".join(f"{n}.png,train,6,8,3,4,1\n" for n in range(7)) + "7.png,train,6,8,3,4,1;300\n"
    images = {f"images/{n}.png": _plain(n) for n in range(8)}
    index = {"index.csv": "image,split,ih,iw,sh,sw,color\n" + rows}
    concepts = BrodenFolder.open(make_folder(index | images))
    for seed in range(4):
        sheet = preview_concepts(concepts, tmp_path / str(seed), images=1, seed=seed)[0]
        assert holds(pixels(sheet), ORANGE)


@pytest.mark.long
def test_many_images_fill_several_sheets(make_folder, tmp_path):
    rows = "".join(f"a.png,train,6,8,3,4,{n}\n" for n in (1, 300) * 10)
    index = {"index.csv": "image,split,ih,iw,sh,sw,color\n" + rows}
    paths = preview_concepts(BrodenFolder.open(make_folder(index)), tmp_path / "out", images=19)
    assert [path.name for path in paths] == ["sheet-1.png", "sheet-2.png"]
    assert len({path.read_bytes() for path in paths}) == 2
    preview_concepts(BrodenFolder.open(make_folder(index)), tmp_path / "out", images=2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "index.html",
        "sheet-1.png",
    ]


def test_more_labels_than_a_legend_has_room_for_are_drawn(make_folder, tmp_path):
    numbers = range(1, 41)
    folder = make_folder(
        {
            "index.csv": "image,split,ih,iw,sh,sw,object\na.png,train,6,8,5,8,m.png\n",
            "label.csv": "number,name\n" + "".join(f"{n},{'long name ' * n}\n" for n in numbers),
            "c_object.csv": "number,coverage\n" + "".join(f"{n},1\n" for n in numbers),
            "images/m.png": np.arange(1, 41).reshape(5, 8),
        }
    )
    assert pixels(preview_concepts(BrodenFolder.open(folder), tmp_path / "out")[0]).any()


def test_no_image_is_refused(make_folder, tmp_path):
    with pytest.raises(ConfigError, match="images is 0"):
        preview_concepts(BrodenFolder.open(make_folder()), tmp_path / "out", images=0)


def test_a_fault_in_the_set_leaves_nothing_behind(make_folder, tmp_path):
    concepts = BrodenFolder.open(make_folder({"images/e.png": None}))
    with pytest.raises(DataError, match=r"e\.png"):
        preview_concepts(concepts, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_are_painted_side_by_side_as_far_as_they_do_not_overlap(make_masks, tmp_path):
    concepts = MaskFolder.open(make_masks(), limit=1)
    sheet = pixels(preview_concepts(concepts, tmp_path / "out")[0])
    columns = np.flatnonzero((sheet < 250).all(axis=2).any(axis=0))
    panels = 1 + np.flatnonzero(np.diff(columns) > 8).size
    assert panels == 3  # the photograph, its two objects in one panel, its part in another


def _plain(shade: int) -> bytes:
    import io

    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, shade, 200)).save(file, "png")
    return file.getvalue()


def numbered(*categories: str) -> dict[int, Label]:
    """Return labels of some categories, by their numbers from 1."""
    return {n: Label(number=n, name=f"thing {n}", category=c) for n, c in enumerate(categories, 1)}


def test_labels_of_one_category_have_a_colour_each_however_many_they_are():
    labels = numbered(*["object"] * 60)
    colours = colour_labels(labels, [frozenset(labels)])
    assert len(set(colours.values())) == 60


def test_labels_that_are_seen_together_have_a_colour_each_whatever_their_category():
    labels = numbered(*("object", "part", "material") * 20)
    together = [frozenset(range(1, 34)), frozenset(range(30, 61)), frozenset()]
    colours = colour_labels(labels, together)
    assert all(len({colours[n] for n in panel}) == len(panel) for panel in together)
    assert len(set(colours.values())) < len(labels)  # what is never seen together may share
    crowd = numbered(*["object"] * 400)
    assert len(colour_labels(crowd, [frozenset(crowd)])) == 400


STIX = "\N{MATHEMATICAL SANS-SERIF BOLD CAPITAL A}"
"""A glyph that the default font lacks and another that comes with matplotlib has."""


@pytest.fixture
def named(make_folder, request):
    """A set whose label 1 has another name."""
    table = f"number,name\n1,{request.param}\n2,car\n3,orange\n4,wood\n300,orange-c\n"
    return BrodenFolder.open(make_folder({"label.csv": table}), limit=1)


@pytest.mark.parametrize("named", ["<b>犬 & کتاب</b>"], indirect=True)
def test_the_page_names_labels_of_any_script(named, tmp_path):
    preview_concepts(named, tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;犬 &amp; کتاب&lt;/b&gt;" in page
    assert "<b>" not in page


def test_a_name_is_written_in_a_font_that_has_its_glyphs():
    assert font_for("street lamp") == font_for("Straßenlaterne") == font_for(DEFAULT_FAMILY)
    assert font_for(f"vector {STIX}") not in (None, font_for(DEFAULT_FAMILY))
    assert font_for("\N{RUNIC LETTER FEHU FEOH FE F}\U000105c0\U0001e900") is None


def test_a_figure_draws_a_name_with_families_that_have_its_glyphs():
    """A family counts by the file that is drawn with: its bold one may have more glyphs."""
    families = families_for(["a", STIX])
    assert families[0] == DEFAULT_FAMILY
    assert len(families) == 2
    figure = Figure()
    figure.text(0, 0, f"a {STIX}", fontfamily=families)
    FigureCanvasAgg(figure).draw()  # a missing glyph would be a warning, and so an error


def test_what_no_font_can_write_stands_as_its_number():
    assert drawable("\U000105c0", "label 12") == "label 12"
    assert drawable("street\nlamp", "label 12") == r"street\nlamp"


def test_a_folder_of_other_things_is_left_alone(make_folder, tmp_path):
    concepts = BrodenFolder.open(make_folder())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sheet-1.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"not a preview \(it holds sheet-1\.png\)"):
        preview_concepts(concepts, tmp_path / "out")
    assert (tmp_path / "out" / "sheet-1.png").read_bytes() == b"mine"
