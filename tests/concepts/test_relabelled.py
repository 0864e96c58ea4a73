"""Do labels get the names and categories of a table, and keep their pixels?"""

import numpy as np
import pytest

from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.protocol import Label, splits_of


@pytest.fixture
def opened(make_masks, tmp_path):
    """Return a function that opens a set of grass, car and wheel with tables and a size."""

    def write(size=None, **tables):
        options = "" if size is None else f",size={size}"
        for option, table in tables.items():
            (tmp_path / f"{option}.csv").write_text(table)
            options += f",{option}={tmp_path / option}.csv"
        return open_concepts(f"masks:{make_masks()}{options}")

    return write


def test_labels_are_renamed_and_keep_their_numbers(opened):
    plain, named = opened(), opened(names="name,label\ncar,auto\n")
    assert [label.name for label in named.labels] == ["grass", "auto", "wheel"]
    assert named.images == plain.images
    assert splits_of(named) == splits_of(plain)
    for index in range(3):
        planes = [concepts.read_annotation(index).planes for concepts in (plain, named)]
        assert (planes[0] == planes[1]).all()


def test_labels_of_one_new_name_become_one(opened):
    named = opened(names="name,label\ncar,thing\ngrass,thing\n")
    assert named.labels == (
        Label(number=1, name="thing", category="object"),
        Label(number=3, name="wheel", category="part"),
    )
    plain = opened().read_annotation(1).planes
    assert (named.read_annotation(1).planes == np.where(plain == 2, 1, plain)).all()


def test_a_label_without_a_new_name_is_left_out(opened):
    named = opened(names="name,label\ngrass,\n")
    assert [label.name for label in named.labels] == ["car", "wheel"]
    assert named.images == opened().images
    assert named.read_annotation(1).numbers() == (2,)


def test_categories_are_those_of_a_table(opened):
    named = opened(categories="name,category\ngrass,material\ncar,\n")
    assert [label.category for label in named.labels] == ["material", "object", "part"]
    assert named.categories == ("object", "part", "material")


def test_a_size_is_that_of_every_map(opened):
    assert opened(size=5).read_annotation(0).shape == (5, 5)
    assert opened(size=5, names="name,label\ncar,auto\n").labels[1].name == "auto"
    both = opened(size=5)
    again = open_concepts(both.name, mask_size=5)  # as a dissection that recorded it is opened
    assert again.fingerprint == both.fingerprint
    with pytest.raises(ConfigError, match=r'size of the concept set .* is "5px"'):
        opened(size="5px")
    with pytest.raises(ConfigError, match="mask_size is 0"):
        opened(size="0")


def test_other_labels_are_another_set(opened):
    prints = {
        opened().fingerprint,
        opened(names="name,label\ncar,auto\n").fingerprint,
        opened(categories="name,category\ncar,vehicle\n").fingerprint,
        opened(size=5).fingerprint,
    }
    assert len(prints) == 4
    named = opened(names="name,label\ncar,auto\n")
    assert named.tolerant_fingerprint == named.fingerprint
    assert named.part([1]).images == ("train/b.png",)


def test_the_check_still_knows_the_faults_of_the_source(opened):
    assert check_concepts(opened(names="name,label\ncar,auto\n")).problems == ()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,label\ncra,auto\n", "row 2: no label is called 'cra' .did you mean \"car\""),
        ("name,label\ncar,a\ncar,b\n", "row 3: 'car' has a row already"),
        ("name,lable\ncar,a\n", 'lacks the column "label"'),
    ],
)
def test_a_faulty_table_is_told(opened, table, said):
    with pytest.raises(DataError, match=said):
        opened(names=table)


def test_a_table_that_leaves_no_label_or_two_categories_is_refused(opened):
    with pytest.raises(ConfigError, match="names leaves out every label"):
        opened(names="name,label\ncar,\ngrass,\nwheel,\n")
    with pytest.raises(ConfigError, match="'x' would be of the categories object and part"):
        opened(names="name,label\ncar,x\nwheel,x\n")
