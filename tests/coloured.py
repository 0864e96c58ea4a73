"""What are pictures, units and an encoder of which everybody sees which words are right?"""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": 0, "green": 1, "blue": 2}
WORDS = "red\ngreen\nblue\nwooden\n"
CODE = '''
"""Units of four kinds, and an encoder that knows three colours by their names."""

import numpy as np
import torch
from torch import nn

ROWS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def network():
    """Units 0, 1 and 2 answer to blue, red and green; unit 3 is the same everywhere."""
    layer = nn.Conv2d(3, 4, 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
        for unit, channel in enumerate((2, 0, 1)):
            layer.weight[unit, channel] = 1
    return nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Encoder:
    """Its numbers are mean colours."""

    def encode_images(self, images):
        return np.array([np.asarray(image, float).mean(axis=(0, 1)) for image in images])

    def encode_words(self, words):
        return torch.tensor([ROWS.get(word, (1, 1, 1)) for word in words], dtype=torch.float32)


def encoder():
    return Encoder()


class Uneven(Encoder):
    def encode_words(self, words):
        return np.ones((len(words), 2))


class Failing(Encoder):
    def encode_words(self, words):
        raise ValueError("no words today")


class Flat(Encoder):
    def encode_images(self, images):
        return np.ones(len(images))


class Blank(Encoder):
    def encode_words(self, words):
        return np.zeros((len(words), 3))


class Short(Encoder):
    def encode_images(self, images):
        return np.ones((1, 3))


def nothing():
    return 7
'''
"""The content of a module `coloured_code`."""


def paint_colours(root: Path, each: int = 20) -> Path:
    """Write pictures of 8 x 8 pixels: so many of each colour, brighter to one side."""
    numbers = np.random.default_rng(0)
    for name, channel in COLOURS.items():
        (root / name).mkdir(parents=True)
        for place in range(each):
            pixels = numbers.integers(0, 40, (8, 8, 3)).astype(np.uint8)
            pixels[:, :, channel] = np.linspace(100, 155 + 5 * place, 8).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{place:02d}.png")
    return root


def write_world(root: Path) -> Path:
    """Write the pictures, the words and the module into a folder."""
    paint_colours(root / "pictures")
    (root / "words.txt").write_text(WORDS)
    (root / "coloured_code.py").write_text(CODE)
    return root
