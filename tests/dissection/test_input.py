"""Is a network shown what is stated, and is asked for what is not?"""

import pytest

from prunescope.base.errors import ConfigError
from prunescope.dissection.input import input_of
from prunescope.imaging.network_input import NetworkInput

HALVES = (0.5, 0.5, 0.5)


def test_an_input_is_as_it_is_stated(eye):
    stated = {"resolution": 4, "mean": HALVES, "std": HALVES}
    assert input_of(eye, **stated) == NetworkInput(**stated)


def test_an_unknown_network_asks_for_what_is_missing(eye):
    with pytest.raises(ConfigError, match=r"Eye.*--resolution --mean --std"):
        input_of(eye)
    with pytest.raises(ConfigError, match="give std "):
        input_of(eye, resolution=4, mean=HALVES)


def test_channels_that_the_network_does_not_take_are_refused(eye):
    with pytest.raises(ConfigError, match=r"mean and std have one value, but .* takes 3 channels"):
        input_of(eye, resolution=4, mean=(0.5,), std=(0.5,))
