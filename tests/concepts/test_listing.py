"""Do the CSV files of a Broden folder say what is read from them, and is every fault named?"""

import pytest

from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.protocol import Label
from prunescope.concepts.sources.broden import BrodenFolder


def cells(part: str = "", color: str = "", obj: str = "", image: str = "a.png") -> str:
    """Write an index.csv of one row."""
    header = "image,split,ih,iw,sh,sw,part,color,object"
    return f"{header}\n{image},train,6,8,3,4,{part},{color},{obj}\n"


def test_rows_without_a_label_are_not_images_of_the_set(make_folder):
    assert BrodenFolder.open(make_folder()).images == ("a.png", "b.png", "e.png")


def test_only_categories_with_a_column_count_in_the_order_of_category_csv(make_folder):
    assert BrodenFolder.open(make_folder()).categories == ("color", "object", "part")


def test_a_label_belongs_where_it_covers_most_and_a_tie_goes_to_the_last(make_folder):
    assert BrodenFolder.open(make_folder()).labels == (
        Label(number=1, name="red-c", category="color"),
        Label(number=2, name="car", category="part"),
        Label(number=3, name="orange", category="object"),
        Label(number=300, name="orange-c", category="color"),
    )


def test_a_split_has_its_own_rows(make_folder):
    assert BrodenFolder.open(make_folder(), split="train").images == ("a.png", "e.png")


def test_a_limit_counts_labelled_rows_of_the_split(make_folder):
    folder = make_folder()
    assert BrodenFolder.open(folder, limit=2).images == ("a.png", "b.png")
    assert BrodenFolder.open(folder, split="train", limit=2).images == ("a.png", "e.png")
    assert BrodenFolder.open(folder, limit=99).images == ("a.png", "b.png", "e.png")


def test_an_unknown_split_is_told_those_there_are(make_folder):
    with pytest.raises(ConfigError, match=r'"trian".*did you mean "train".*train, val'):
        BrodenFolder.open(make_folder(), split="trian")


def test_a_limit_below_one_is_refused(make_folder):
    with pytest.raises(ConfigError, match="limit is 0"):
        BrodenFolder.open(make_folder(), limit=0)


def test_a_byte_order_mark_and_quoted_names_are_read(make_folder):
    text = '\ufeff"number","name"\n1,red-c\n2,"car, large"\n3,orange\n300,orange-c\n'
    labels = BrodenFolder.open(make_folder({"label.csv": text})).labels
    assert [label.name for label in labels] == ["red-c", "car, large", "orange", "orange-c"]


def test_a_row_for_label_zero_is_passed_over(make_folder):
    zero = "number,name\n0,-\n1,red-c\n2,car\n3,orange\n300,orange-c\n"
    labels = BrodenFolder.open(make_folder({"label.csv": zero})).labels
    assert [label.number for label in labels] == [1, 2, 3, 300]


@pytest.mark.parametrize(
    "name", ["index.csv", "label.csv", "category.csv", "c_color.csv", "c_part.csv"]
)
@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\xff\xfe\x00", b'"' + 300_000 * b"a"])
def test_a_missing_or_unreadable_table_is_named(make_folder, name, content):
    with pytest.raises(DataError, match=name):
        BrodenFolder.open(make_folder({name: content}))


@pytest.mark.parametrize(
    ("name", "text", "column"),
    [
        ("index.csv", "image,ih,iw,sh,sw,color\na.png,6,8,3,4,1\n", "split"),
        ("index.csv", "image,split,ih,iw,sh,color\na.png,train,6,8,3,1\n", "sw"),
        ("index.csv", "image,image,split,ih,iw,sh,sw,color\na,a,t,6,8,3,4,1\n", "image"),
        ("label.csv", "nummer,name\n1,red-c\n", "number"),
        ("category.csv", "category\ncolor\n", "name"),
        ("c_object.csv", "number,frequency\n1,1\n", "coverage"),
    ],
)
def test_a_missing_or_double_column_is_named(make_folder, name, text, column):
    with pytest.raises(DataError, match=rf'{name} (lacks|has twice) the column "{column}"'):
        BrodenFolder.open(make_folder({name: text}))


def test_an_index_without_any_category_is_refused(make_folder):
    index = "image,split,ih,iw,sh,sw,colour\na.png,train,6,8,3,4,1\n"
    with pytest.raises(DataError, match=r"index\.csv has no column for any category"):
        BrodenFolder.open(make_folder({"index.csv": index}))


@pytest.mark.parametrize("row", ["a.png,train,6,8,3,4,2", "a.png,train,6,8,3,4,2,,,"])
def test_a_row_with_too_few_or_too_many_cells_is_named(make_folder, row):
    index = f"image,split,ih,iw,sh,sw,part,color,object\na.png,train,6,8,3,4,2,,\n{row}\n"
    with pytest.raises(DataError, match=r"index\.csv.*Row #3"):
        BrodenFolder.open(make_folder({"index.csv": index}))


@pytest.mark.parametrize("size", ["8.0", "0", "-1", "", "x", "99999", "1000000000000"])
@pytest.mark.parametrize("column", range(4))
def test_a_size_that_is_no_number_of_pixels_is_named(make_folder, size, column):
    sizes = ["6", "8", "3", "4"]
    sizes[column] = size
    index = f"image,split,ih,iw,sh,sw,color\na.png,train,{','.join(sizes)},1\n"
    name = ("ih", "iw", "sh", "sw")[column]
    with pytest.raises(DataError, match=rf'index\.csv, row 2: {name} is "{size}"'):
        BrodenFolder.open(make_folder({"index.csv": index}))


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("label.csv", "number,name\n1,a\n2,b\n1,c\n", "row 4: label 1 has a row already"),
        ("label.csv", "number,name\none,a\n", 'row 2: the label number is "one"'),
        ("label.csv", "number,name\n70000,a\n", 'row 2: the label number is "70000"'),
        ("label.csv", "number,name\n-1,a\n", 'row 2: the label number is "-1"'),
        ("c_object.csv", "number,coverage\n2,1\n2,1\n", "row 3: label 2 has a row already"),
        ("c_object.csv", "number,coverage\n2,much\n", 'coverage of label 2 is "much"'),
        ("c_object.csv", "number,coverage\n9,1\n", "label 9, which has no row in"),
        ("category.csv", "name\ncolor\ncolor\n", 'lists the category "color" twice'),
    ],
)
def test_a_table_that_contradicts_itself_is_named(make_folder, name, text, fault):
    with pytest.raises(DataError, match=rf"{name}.*{fault}"):
        BrodenFolder.open(make_folder({name: text}))


@pytest.mark.parametrize("number", ["4", "5", "0301", "9" * 5000])
def test_a_number_in_a_cell_without_a_label_is_named_with_its_row(make_folder, number):
    with pytest.raises(DataError, match=rf'index\.csv, row 2: "{number}" is a label without'):
        BrodenFolder.open(make_folder({"index.csv": cells(obj=f"3;{number}")}))


@pytest.mark.parametrize("entry", ["-1", "2.0", "car", "maps/a_1.jpg"])
def test_a_cell_of_something_else_is_named_with_its_row(make_folder, entry):
    with pytest.raises(DataError, match=rf'row 2: "{entry}" is neither a label number nor'):
        BrodenFolder.open(make_folder({"index.csv": cells(obj=entry)}))


@pytest.mark.parametrize(
    "path",
    ["../a.png", "maps/../../a.png", "/a.png", "C:/a.png", "maps\\..\\a.png", "..png/.."],
)
def test_a_path_that_leaves_the_folder_is_named_with_its_row(make_folder, path):
    for index in (cells(part="2", image=path), cells(color=path)):
        with pytest.raises(DataError, match=r"index\.csv, row 2: .* leaves the folder"):
            BrodenFolder.open(make_folder({"index.csv": index}))


def test_dots_within_a_name_do_not_leave_the_folder(make_folder):
    folder = make_folder({"index.csv": cells(color="maps/a..1.png")})
    assert len(BrodenFolder.open(folder).images) == 1


def test_a_row_without_an_image_is_named(make_folder):
    with pytest.raises(DataError, match=r"row 2: .* names no image"):
        BrodenFolder.open(make_folder({"index.csv": cells(part="2", image="")}))


def test_a_set_without_labelled_rows_is_refused(make_folder):
    with pytest.raises(DataError, match=r"index\.csv has no row with a label"):
        BrodenFolder.open(make_folder({"index.csv": cells(part="0", obj="0;0")}))


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder images"):
        BrodenFolder.open(tmp_path)


def test_a_fault_in_a_later_piece_of_a_long_index_has_its_row(make_folder):
    row = f"a.png,train,6,8,3,4,{'2;' * 500},,\n"
    index = cells(part="2") + row * 1500 + "a.png,train,6,8,3,4,77,,\n"
    with pytest.raises(DataError, match=r'index\.csv, row 1503: "77" is a label'):
        BrodenFolder.open(make_folder({"index.csv": index}))
