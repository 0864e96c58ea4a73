"""Is a crop that does not fit refused?"""

import pytest
from pydantic import ValidationError

from prunescope.data.settings import CentreCrop


def test_a_crop_larger_than_what_it_is_cut_from_is_refused():
    with pytest.raises(ValidationError, match="crop of 32 pixels does not fit a shorter side"):
        CentreCrop(resize=31, crop=32)
