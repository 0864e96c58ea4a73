"""What are activations along directions, and what are principal directions, the plain way?"""

import numpy as np


def along(activations: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return maps [image, direction, height, width]: sums of units' maps by a direction's weights.

    activations: [image, unit, height, width]. directions: [direction, unit].
    """
    images, _, height, width = activations.shape
    maps = np.zeros((images, len(directions), height, width))
    for image in range(images):
        for direction, weights in enumerate(directions):
            for unit, weight in enumerate(weights):
                maps[image, direction] += float(weight) * activations[image, unit].astype(float)
    return maps


def principal(activations: np.ndarray) -> np.ndarray:
    """Return the principal components of all images' cells, as rows, by falling variance.

    The largest weight of each is positive. Each is found by multiplying a vector with what is left
    of the covariance until it stays as it is.
    """
    cells = np.moveaxis(activations, 1, -1).reshape(-1, activations.shape[1]).astype(float)
    centred = cells - cells.mean(axis=0)
    left = sum(np.outer(cell, cell) for cell in centred) / len(centred)
    found = []
    for _ in range(len(left)):
        vector = np.random.default_rng(0).normal(size=len(left))
        for _ in range(20_000):
            vector = left @ vector
            vector /= np.linalg.norm(vector)
        left = left - vector @ left @ vector * np.outer(vector, vector)
        found.append(vector * np.sign(vector[np.abs(vector).argmax()]))
    return np.array(found)
