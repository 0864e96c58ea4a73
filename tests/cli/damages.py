"""In which ways may a file be damaged, that looks whole from outside?"""

import io
import json
import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml

Damages = Iterator[tuple[str, bytes]]

DEEP = 100_000
VALUES = (None, [], {}, "x", "\x1b[2J\x07", -1, 0, True, math.nan, math.inf, 10**400, [[[]]])
LITERALS = ("1e400", "[" * DEEP, '{"a":' * DEEP, "9" * 100_000, '"' + "x" * 100_000 + '"')
_HEADERS = (
    b"",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"a":1}',
    b'{"a":{}}',
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b'{"__metadata__":3}',
    b'{"__metadata__":{"dissection":3}}',
    b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1e99],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[-4,0]}}',
    b'{"a":{"dtype":"X32","shape":[1],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32"}}',
)


def damages(name: str, whole: bytes) -> Damages:
    """Yield damaged contents of a file, each with what was done to it."""
    kinds: Mapping[str, Callable[[bytes], Damages]] = {
        ".json": _of_json,
        ".yaml": _of_yaml,
        ".safetensors": _of_safetensors,
        ".parquet": _of_parquet,
        ".csv": _of_csv,
        ".png": _of_png,
    }
    suffix = f".{name.rpartition('.')[2]}"
    yield from _of_any(whole, footed=suffix == ".parquet")
    yield from kinds.get(suffix, lambda _: iter(()))(whole)


def _of_any(whole: bytes, *, footed: bool) -> Damages:
    """Cut and flip, most of it where the metadata are: at the beginning, or at the end."""
    yield "empty", b""
    yield "zeros", bytes(len(whole))
    chance = random.Random(zlib.crc32(whole))
    for i in range(10):
        near = min(len(whole), 64 if i % 2 else 2_000)
        at = chance.randrange(near)
        at = len(whole) - 1 - at if footed else at
        byte = bytes([whole[at] ^ chance.randrange(1, 256)])
        yield f"flipped at {at}", whole[:at] + byte + whole[at + 1 :]
        yield f"cut at {at}", whole[:at]
        yield f"zeros at {at}", whole[:at] + bytes(4) + whole[at + 4 :]


def _of_json(whole: bytes) -> Damages:
    for literal in LITERALS:
        yield f"all is {literal[:8]}", literal.encode()
    for how, values in replaced(json.loads(whole)):
        yield how, json.dumps(values).encode()
    for how, values in replaced(json.loads(whole), ("\ue000",)):
        for literal in LITERALS:
            yield f"{how} {literal[:8]}", json.dumps(values).replace('"\\ue000"', literal).encode()


def _of_yaml(whole: bytes) -> Damages:
    yield "deep", b"[" * DEEP
    yield "deep in deep", b"a: " + b"{a: " * DEEP
    for how, values in replaced(yaml.safe_load(whole)):
        yield how, yaml.safe_dump(values).encode()


def _of_safetensors(whole: bytes) -> Damages:
    length = int.from_bytes(whole[:8], "little")
    header, rest = whole[8 : 8 + length], whole[8 + length :]
    for stated in (0, 1, 2, length - 1, length + 1, 100_000_001, 2**31, 2**60, 2**63, 2**64 - 1):
        yield f"header of {stated}", stated.to_bytes(8, "little") + whole[8:]
    for other in _HEADERS:
        yield f"header {other[:60]!r}", _with_header(other, rest)
    values = json.loads(header)
    for how, other in replaced(values, deepest=3):
        yield f"header: {how}", _with_header(json.dumps(other).encode(), rest)
    metadata = values.get("__metadata__", {})
    for seal in ("", "0" * 64, "sealed") if "sha256" in metadata else ():
        other = values | {"__metadata__": metadata | {"sha256": seal}}
        yield f"a seal of {seal!r}", _with_header(json.dumps(other).encode(), rest)
    for key, text in metadata.items():
        if key == "sha256":
            continue
        for how, other_text in _of_json(text.encode()):
            other = values | {"__metadata__": {key: other_text.decode()}}
            yield f"{key}: {how}", _with_header(json.dumps(other).encode(), rest)


def _with_header(header: bytes, rest: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + rest


def _of_parquet(whole: bytes) -> Damages:
    table = pd.read_parquet(io.BytesIO(whole))
    yield from _of_table(table, lambda other: other.to_parquet(index=False))
    for stated in (0, 1, 2**31 - 1, 2**32 - 1):
        yield f"footer of {stated}", whole[:-8] + struct.pack("<I", stated) + whole[-4:]


def _of_csv(whole: bytes) -> Damages:
    table = pd.read_csv(io.BytesIO(whole), dtype=str, keep_default_na=False)
    yield from _of_table(table, lambda other: other.to_csv(index=False).encode())
    yield "a column more in a row", whole + b",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n"
    yield "a quotation mark", whole + b'"'
    yield "no text", whole + b"\xff\x00"


def _of_table(table: pd.DataFrame, write: Callable[[pd.DataFrame], bytes]) -> Damages:
    yield "no rows", write(table.iloc[:0])
    yield "one row less", write(table.iloc[:-1])
    yield "one row twice", write(pd.concat([table, table.iloc[-1:]]))
    yield "no columns", write(pd.DataFrame({"x": [1]}))
    for name in table.columns:
        yield f"without {name}", write(table.drop(columns=name))
        for value in ("x", -1, 10**18, np.nan, 1e300, np.inf, "\x1b[2J", True, b"\xff"):
            yield f"{name} is {value!r}", write(table.assign(**{str(name): value}))


def _of_png(whole: bytes) -> Damages:
    for width, height in ((2**31 - 1, 1), (30_000, 30_000), (13_000, 13_000), (0, 0), (1, 1)):
        head = b"IHDR" + struct.pack(">II", width, height) + whole[24:29]
        yield (
            f"{width} x {height}",
            whole[:12] + head + struct.pack(">I", zlib.crc32(head)) + whole[33:],
        )


def replaced(
    values: Any, others: tuple[Any, ...] = VALUES, deepest: int = 20
) -> Iterator[tuple[str, Any]]:
    """Yield what JSON or YAML holds with each value in it, and all of it, gone or another."""
    for other in others:
        yield f"is {str(other)[:8]!r}", other
    if deepest == 0:
        return
    if isinstance(values, dict):
        for key, kept in values.items():
            yield f"{key} gone", {name: other for name, other in values.items() if name != key}
            for how, other in replaced(kept, others, deepest - 1):
                yield f"{key} {how}", {**values, key: other}
    if isinstance(values, list):
        for i, kept in enumerate(values[:3]):
            for how, other in replaced(kept, others, deepest - 1):
                yield f"{i} {how}", [*values[:i], other, *values[i + 1 :]]
