"""Has every purpose a stream of its own, the same on every machine?"""

import torch
from hypothesis import given
from hypothesis import strategies as st

from prunescope.base.seeding import derive_seed, torch_generator

streams = st.lists(st.integers(0, 99) | st.text(max_size=5), max_size=3)


@given(st.integers(), streams)
def test_a_seed_fits_a_generator_and_is_the_same_again(seed, stream):
    assert 0 <= derive_seed(seed, *stream) < 2**63
    assert derive_seed(seed, *stream) == derive_seed(seed, *stream)


def test_seeds_never_change_from_version_to_version():
    assert derive_seed(0, "replicate", 1) == 7819355759087781672


def test_streams_that_look_alike_differ():
    alike = [(1,), (11,), (1, 1), (1, "1"), (1, ""), (1, "a", "b"), (1, "ab"), (1, "b", "a")]
    assert len({derive_seed(*stream) for stream in alike}) == len(alike)


def test_a_generator_is_fresh_and_leaves_the_global_state():
    before = torch.random.get_rng_state()
    first, second = (torch.rand(3, generator=torch_generator(5, "order")) for _ in range(2))
    other = torch.rand(3, generator=torch_generator(5, "augmentation"))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
