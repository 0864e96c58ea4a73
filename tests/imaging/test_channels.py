"""How many channels does a network take, and is it shown no others?"""

import pytest
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.imaging.channels import channels_taken, check_channels


@pytest.mark.parametrize(
    ("convolutions", "channels"), [([1, 4], 1), ([3], 3), ([2, 3], 3), ([48, 64], 3), ([], 3)]
)
def test_a_network_takes_what_its_first_convolution_does(convolutions, channels):
    model = nn.Sequential(*(nn.Conv2d(count, 1, 1) for count in convolutions))
    assert channels_taken(model) == channels
    check_channels(model, channels)


@pytest.mark.parametrize(("taken", "channels"), [(1, 3), (3, 1), (4, 3)])
def test_mean_and_std_of_other_channels_are_refused(taken, channels):
    with pytest.raises(ConfigError, match=f"first convolution of Conv2d takes {taken} channel"):
        check_channels(nn.Conv2d(taken, 4, 3), channels)
