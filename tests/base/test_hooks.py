"""Do the functions stand where the package says that methods of rooms below find them?"""

import pytest

import prunescope  # noqa: F401  # it registers them
from prunescope.base import hooks


@pytest.mark.parametrize("name", sorted(hooks._HOMES))
def test_a_registered_function_is_there(name):
    assert callable(hooks.hook(name))
