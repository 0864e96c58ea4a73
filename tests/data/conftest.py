"""Tiny sets of labelled images, written as others store them."""

import io
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encode an array of pixels, as PNG unless told otherwise."""

    def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format=kind)
        return file.getvalue()

    return encode


@pytest.fixture
def write_parquet() -> Callable[..., None]:
    """Write encoded images and their labels as a parquet file without any metadata."""

    def write(path: Path, images: Sequence[bytes | None], labels: Sequence[int | None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = [None if image is None else {"bytes": image, "path": None} for image in images]
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        columns = {"image": pa.array(stored, kind), "label": pa.array(labels, pa.int64())}
        parquet.write_table(pa.table(columns), path)

    return write


@pytest.fixture
def three_pictures() -> np.ndarray:
    """Three 4 x 5 pictures of noise, "image height width 3"."""
    return np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, three_pictures, encode, write_parquet):
    """Two training images and one test image in parquet, under the labels 0, 2 and 1."""
    images = [encode(picture) for picture in three_pictures]
    write_parquet(tmp_path / "train-00000-of-00001.parquet", images[:2], [0, 2])
    write_parquet(tmp_path / "test-00000-of-00001.parquet", images[2:], [1])
    return tmp_path


@pytest.fixture
def no_network(monkeypatch):
    """Fail where anything asks for the network."""

    def refuse(*address):
        raise AssertionError(f"the network was asked for: {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def save_picture() -> Callable[[Path, np.ndarray], None]:
    """Write pixels as an image file, and the folders above it."""

    def save(path: Path, pixels: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    return save
