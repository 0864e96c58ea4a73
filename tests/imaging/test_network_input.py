"""Is what no network can see refused, with what was probably meant?"""

import json

import pytest

from prunescope.base.errors import ConfigError
from prunescope.imaging.network_input import IMAGENET, NetworkInput, Normalisation


@pytest.mark.parametrize("std", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (float("nan"), 1.0, 1.0)])
def test_a_std_that_is_not_above_zero_is_refused(std):
    with pytest.raises(ConfigError, match=r"std is .* each must lie in \(0, 1\]"):
        Normalisation(mean=(0.0, 0.0, 0.0), std=std)


def test_a_mean_of_pixels_up_to_255_is_refused_with_what_was_probably_meant():
    mean = (123.675, 116.28, 103.53)
    with pytest.raises(ConfigError, match=r"by 255, which gives 0\.485,0\.456,0\.406"):
        Normalisation(mean=mean, std=(0.229, 0.224, 0.225))


def test_a_negative_mean_is_refused():
    with pytest.raises(ConfigError, match=r"mean is -0\.1,0,0.*\[0, 1\]"):
        Normalisation(mean=(-0.1, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def test_mean_and_std_of_different_lengths_are_refused():
    with pytest.raises(ConfigError, match="mean has 1 and std 3 values"):
        Normalisation(mean=(0.5,), std=(1.0, 1.0, 1.0))


@pytest.mark.parametrize("resolution", [0, -1, 16_385])
def test_a_resolution_that_no_image_has_is_refused(resolution):
    with pytest.raises(ConfigError, match=f"resolution is {resolution}, but must be 1 to 16,384"):
        NetworkInput(mean=(0.5,), std=(0.5,), resolution=resolution)


def test_an_input_is_read_as_it_was_written_down():
    assert NetworkInput.from_dict(json.loads(json.dumps(IMAGENET.as_dict()))) == IMAGENET
