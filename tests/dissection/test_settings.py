"""Are wrong dissection settings refused by name?"""

import pytest

from prunescope.base.errors import ConfigError
from prunescope.dissection.settings import DissectionSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": ()}, "layers"),
        ({"layers": ("a", "b", "a")}, "layers names a more than once"),
        ({"categories": ("color", "color")}, "categories names color more than once"),
        ({"categories": ()}, "categories"),
        ({"quantile": 0.0}, "quantile"),
        ({"quantile": 1.0}, "quantile"),
        ({"quantile": 0.995}, r"share of a unit's cells above.*probably 0\.005 is meant"),
        ({"quantile": 99.5}, r"probably 0\.005 is meant"),
        ({"quantile": 1}, r"probably 0\.01 is meant"),
        ({"quantile": 100}, "quantile"),
        ({"iou": -0.1}, "iou"),
        ({"batch_size": 0}, "batch_size"),
        ({"resolution": 0}, "resolution"),
        ({"std": (0.2, 0.0, 0.2)}, r"std is 0\.2,0,0\.2.*\(0, 1\]"),
        ({"std": (58.4, 57.1, 57.4)}, r"by 255, which gives 0\.229,0\.2239,0\.2251"),
        ({"mean": (0.5, -0.5, 0.5)}, r"mean is 0\.5,-0\.5,0\.5.*\[0, 1\]"),
        ({"mean": ()}, "mean"),
        ({"precision": "fp8"}, "precision"),
        (
            {"arithmetic": "fused"},
            "arithmetic is 'fused', but must be 'folded', 'plain' or 'compiled'",
        ),
        (
            {"precision": "bf16", "arithmetic": "folded"},
            "arithmetic is folded, but with precision bf16 it is always plain",
        ),
        ({"examples": 0}, "examples"),
        ({"quantil": 0.01}, 'did you mean "quantile"'),
    ],
)
def test_a_wrong_setting_is_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        DissectionSettings.validate_from({"layers": ("layer4",)} | wrong, "a recipe")


def test_defaults_are_those_of_the_method():
    settings = DissectionSettings(layers=("layer4",))
    assert (settings.quantile, settings.iou) == (0.005, 0.05)
    assert settings.categories is None


def test_bfloat16_is_plain_and_float32_folded_where_nothing_is_stated():
    layers = ("layer4",)
    assert DissectionSettings(layers=layers).arithmetic == "folded"
    in_bfloat16 = DissectionSettings(layers=layers, precision="bf16")
    assert in_bfloat16.arithmetic == "plain"
    stated = DissectionSettings(layers=layers, precision="bf16", arithmetic="plain")
    assert stated == in_bfloat16


def test_plain_arithmetic_alone_has_the_keys_of_before():
    values = DissectionSettings(layers=("layer4",), arithmetic="plain").for_key()
    assert "arithmetic" not in values
    assert DissectionSettings(layers=("layer4",)).for_key() == values | {"arithmetic": "folded"}
