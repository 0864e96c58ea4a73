"""Which words fit a unit, written naively from docs/method.md alone?"""

import numpy as np


def cosines(of_images, of_words):
    """Return the cosine of every image (a row) with every word."""
    found = np.zeros((len(of_images), len(of_words)))
    for i, image in enumerate(of_images):
        for w, word in enumerate(of_words):
            found[i, w] = np.dot(image, word) / np.sqrt(np.dot(image, image) * np.dot(word, word))
    return found


def highest(activations, count, order):
    """Return the images of highest activation, of equal ones the first in an order."""
    place = {image: position for position, image in enumerate(order)}
    return sorted(range(len(activations)), key=lambda i: (-activations[i], place[i]))[:count]


def log_p(images, similar, sharpness, first, last):
    """Return log p(word) of a list of images, for every word."""
    found = np.zeros(similar.shape[1])
    for rank, image in enumerate(images):
        weights = np.exp(sharpness * similar[image])
        shares = weights / weights.sum()
        certainty = first - rank / len(images) * (first - last)
        for word, share in enumerate(shares):
            found[word] += np.log(1 - certainty + certainty * share)
    return found


def prior(logs):
    """Return the logarithm of the mean of p over units, for every word."""
    return np.array(
        [np.log(np.mean([np.exp(row[w]) for row in logs])) for w in range(len(logs[0]))]
    )


def of_random_images(count, similar, sharpness, first, last):
    """Return mean and standard deviation of log p over lists of random images, for every word."""
    mean, variance = np.zeros(similar.shape[1]), np.zeros(similar.shape[1])
    for word in range(similar.shape[1]):
        for rank in range(count):
            certainty = first - rank / count * (first - last)
            terms = []
            for image in range(len(similar)):
                weights = np.exp(sharpness * similar[image])
                terms.append(np.log(1 - certainty + certainty * weights[word] / weights.sum()))
            mean[word] += np.mean(terms)
            variance[word] += np.var(terms)
    return mean, np.sqrt(variance)


def soft_wpmi(activations, similar, *, count, order, sharpness, first, last, weight):
    """Return the score of every unit (a row) with every word. activations: [image, unit]."""
    logs = [
        log_p(highest(column, count, order), similar, sharpness, first, last)
        for column in np.asarray(activations).T
    ]
    return np.array(logs) - weight * prior(logs)


def correlations(activations, similar):
    """Return Pearson's correlation of every unit with every word."""
    return np.array(
        [
            [np.corrcoef(column, word)[0, 1] for word in np.asarray(similar).T]
            for column in np.asarray(activations, float).T
        ]
    )


def p_of(fits, drawn):
    """Return each unit's p. fits: of its word; drawn: of every draw, for every unit and word."""
    as_good = sum(draw.max(axis=1) >= fits for draw in drawn)
    return (1 + as_good) / (1 + len(drawn))
