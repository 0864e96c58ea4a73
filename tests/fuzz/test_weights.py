"""Are the weights in a file, whatever it holds, those that were saved, or is it refused?"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, texts, tried, try_each
from prunescope.base.tensors import save_tensors
from prunescope.networks.loading import load_network
from prunescope.networks.reading.stored import read_stored
from prunescope.networks.registry import build

NETWORK = "cifar_resnet20,width=0.25"
STATE = {"a.weight": torch.arange(12.0).reshape(4, 3), "b.weight": torch.ones(2, 2)}


def _sparse(index: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.sparse_coo_tensor(index, torch.ones(2), size, check_invariants=False)


def _tensors() -> dict[str, Tensor]:
    """Return tensors of every odd kind, by what they are."""
    float8 = {"eight bits": torch.ones(2).to(torch.float8_e4m3fn)}
    index = torch.tensor([[0, 1], [2, 0]])
    return float8 | {
        "plain": torch.arange(6.0).reshape(2, 3),
        "half": torch.ones(3, dtype=torch.float16),
        "bfloat16": torch.ones(3, dtype=torch.bfloat16),
        "double": torch.ones(3, dtype=torch.float64),
        "counts": torch.tensor(3),
        "mask": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
        "a number": torch.tensor(0.5),
        "not finite": torch.tensor([float("nan"), float("inf")]),
        "a view": torch.arange(12.0)[::3],
        "transposed": torch.arange(6.0).reshape(2, 3).T,
        "repeated": torch.ones(1).expand(5),
        "repeated without end": torch.ones(1).expand(10**5, 10**6),
        "sparse": _sparse(index, (3, 3)),
        "sparse without end": _sparse(index, (10**6, 10**6)),
        "sparse, outside of itself": _sparse(50_000_000 * index, (3, 3)),
        "meta": torch.empty(3, device="meta"),
        "complex": torch.ones(2, dtype=torch.complex64),
        "deep": torch.ones((1,) * 60),
    }


TENSORS = _tensors()
NAMES = st.sampled_from(
    [
        *("a.weight", "a.bias", "module.a.weight", "model.a.weight", "state_dict", "model", "net"),
        *("a.weight_mask", "a.weight_orig", "a.parametrizations.weight.original0", "optimizer"),
        *("a.weight_v", "a.weight_g", "a.num_batches_tracked", "ema", "teacher.a.weight", "_extra"),
    ]
)
KEYS = NAMES | st.sampled_from(HOSTILE_TEXTS) | st.integers(0, 3) | st.none() | st.just((1, 2))
LEAVES = st.sampled_from(sorted(TENSORS)).map(TENSORS.get) | st.one_of(
    st.none(), st.integers(), st.floats(), texts(), st.binary(max_size=9), st.booleans()
)
_WITHIN = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(KEYS, LEAVES, max_size=4)
_DEEPER = st.lists(_WITHIN, max_size=3) | st.dictionaries(KEYS, _WITHIN, max_size=4)
CONTENTS = _WITHIN | _DEEPER | st.dictionaries(KEYS, _DEEPER, max_size=3)
STATES = st.dictionaries(NAMES, LEAVES, min_size=1, max_size=4)


def tensors_in(content: Any, depth: int = 0) -> Iterator[Tensor]:
    if isinstance(content, Tensor):
        yield content
    elif depth < 20 and isinstance(content, Mapping | list):
        parts = content.values() if isinstance(content, Mapping) else content
        for part in parts:
            yield from tensors_in(part, depth + 1)


def is_same(found: Tensor, saved: Tensor) -> bool:
    if saved.is_meta or found.shape != saved.shape or found.numel() > 10**6:
        return False
    dense = saved if saved.layout == torch.strided else saved.to_dense()
    return torch.equal(torch.nan_to_num(found), torch.nan_to_num(dense))


@tried
def test_what_is_read_was_saved(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "weights.pth"

    def check(content: Any) -> None:
        torch.save(content, path)
        stored = made_of(lambda: read_stored(path))
        if stored is None:
            return
        saved = list(tensors_in(content))
        for name, tensor in stored.state.items():
            assert isinstance(name, str)
            assert any(is_same(tensor, each) for each in saved), name
        made_of(lambda: stored.named_as_in(None))

    endless = {"a.weight": TENSORS["sparse without end"]}
    within = {"state_dict": {"a.weight": TENSORS["repeated without end"]}}
    circle: dict[str, Any] = {"a.weight": TENSORS["plain"]}
    circle["model"] = circle
    try_each(examples, CONTENTS | STATES, check, failed=[endless, within, circle])


@tried
@pytest.mark.parametrize("is_old", [False, True])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, is_old: bool, examples: int) -> None:
    file = io.BytesIO()
    torch.save(STATE, file, _use_new_zipfile_serialization=not is_old)
    path = tmp_path / "weights.pth"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        stored = made_of(lambda: read_stored(path))
        if stored is not None and not is_old:  # the older format has no checksums
            assert stored.state.keys() == STATE.keys()
            assert all(torch.equal(stored.state[name], STATE[name]) for name in STATE)

    tokens = (
        b"PK\1\2",
        b"PK\3\4",
        b"data.pkl",
        b"ctorch\n",
        b"\x80\x02",
        b".",
        b"\xff" * 8,
        b"q\0",
    )
    another_name = bytearray(file.getvalue())
    another_name[26:28] = b"\x00\x10"  # of 4 KiB in the first part's header
    failed = [] if is_old else [bytes(another_name)]
    try_each(examples, mutated(file.getvalue(), tokens), check, failed)


@tried
def test_weights_that_fit_a_network_are_those_saved(tmp_path: Path, examples: int) -> None:
    whole = {name: tensor.clone() for name, tensor in build(NETWORK, seed=1).state_dict().items()}
    path = tmp_path / "weights.pth"
    names = st.sampled_from(sorted(whole))
    changes = st.dictionaries(names, LEAVES | st.just("absent"), max_size=3)

    def check(drawn: dict[str, Any]) -> None:
        state = {n: drawn.get(n, tensor) for n, tensor in whole.items()}
        state = {n: t for n, t in state.items() if not (isinstance(t, str) and t == "absent")}
        torch.save({"state_dict": state, "epoch": 3}, path)
        loaded = made_of(lambda: load_network(NETWORK, weights=path))
        if loaded is not None:
            for name, tensor in loaded.module.state_dict().items():
                if name in state and "num_batches" not in name:  # a count, no weight
                    assert is_same(tensor.to(state[name].dtype), state[name]), name

    try_each(examples, changes, check, failed=[{"bn1.bias": torch.tensor(0.5)}])


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | texts()
_LISTS = st.lists(_SCALARS, max_size=3) | st.dictionaries(texts(), _SCALARS, max_size=3)
_JSON = (
    _SCALARS | _LISTS | st.lists(_LISTS, max_size=2) | st.dictionaries(texts(), _LISTS, max_size=2)
)
_HEADERS = st.dictionaries(
    st.sampled_from(["a.weight", "b.weight", "__metadata__", ""]) | texts(),
    st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["F32", "F16", "I64", "BOOL", "F8_E4M3", "X9", "", "C64"]),
            "shape": st.lists(
                st.sampled_from([0, 1, 2, 3, 4, -1, 2**31, 2**62, 2**64, 1.5, None]), max_size=3
            ),
            "data_offsets": st.lists(
                st.sampled_from([0, 4, 16, 48, 64, -4, 2**40, 2**64]), min_size=2, max_size=2
            ),
        }
    )
    | _JSON,
    max_size=3,
)


@tried
def test_a_safetensors_file_of_any_header_is_read_as_it_says(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "weights.safetensors"
    content = STATE["a.weight"].numpy().tobytes() + STATE["b.weight"].numpy().tobytes()

    def check(drawn: tuple[dict[str, Any], bytes]) -> None:
        header, behind = json.dumps(drawn[0]).encode(), drawn[1]
        path.write_bytes(len(header).to_bytes(8, "little") + header + behind)
        stored = made_of(lambda: read_stored(path))
        for name, tensor in ({} if stored is None else stored.state).items():
            begin, end = drawn[0][name]["data_offsets"]
            assert tensor.contiguous().view(torch.uint8).numpy().tobytes() == behind[begin:end]

    behind = st.just(content) | st.binary(max_size=8) | st.just(b"")
    try_each(examples, st.tuples(_HEADERS, behind), check)


@tried
def test_what_weights_say_of_themselves_is_checked(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "weights.safetensors"
    state = build(NETWORK, seed=1).state_dict()
    sound: dict[str, Any] = {
        **{"name": NETWORK, "num_classes": 10, "resolution": 32},
        **{"mean": [0.5] * 3, "std": [0.25] * 3},
    }
    keys = st.sampled_from([*sound, "units", "measured_on", "prunable"])
    odd = st.sampled_from([0, -1, 10**9, 10**30, [], [0.5], [0, 0, 0], [1e300] * 3, {}, "1", None])
    described = st.dictionaries(keys, odd | _JSON, max_size=3).map(lambda odd: {**sound, **odd})
    spoilt = mutated(json.dumps(sound).encode()).map(lambda raw: raw.decode("utf-8", "replace"))

    def check(text: str) -> None:
        save_tensors(path, state, {"network": text})
        loaded = made_of(lambda: load_network(str(path)))
        if loaded is not None:
            assert loaded.input is None or len(loaded.input.mean) == 3
            for name, tensor in loaded.module.state_dict().items():
                assert torch.equal(tensor, state[name])

    try_each(examples, described.map(json.dumps) | spoilt | texts(), check)
