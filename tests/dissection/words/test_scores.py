"""Are soft WPMI, correlation and their p what docs/method.md defines, by a naive version?"""

import numpy as np
import pytest
import torch

from oracle import words as oracle
from prunescope.base.progress import SILENT
from prunescope.base.seeding import torch_generator
from prunescope.dissection.words.embedding import Embedded
from prunescope.dissection.words.judging import judge_words, steps_of
from prunescope.dissection.words.scores import highest_images, images_looked_at
from prunescope.dissection.words.settings import WordSettings

IMAGES, UNITS, WORDS = 60, 5, 7


def settings(**stated):
    return WordSettings(words="words.txt", encoder="mine:encoder", **{"word_draws": 20, **stated})


def embeddings(seed, words=WORDS, images=IMAGES, size=4):
    numbers = np.random.default_rng(seed)

    def rows(count):
        drawn = torch.from_numpy(numbers.normal(size=(count, size)))
        return drawn / drawn.norm(dim=1, keepdim=True)

    names = tuple(f"word {number}" for number in range(words))
    return Embedded(words=names, of_images=rows(images), of_words=rows(words))


def activations(seed, units=UNITS, images=IMAGES):
    drawn = np.random.default_rng(seed).normal(size=(images, units)).astype(np.float32)
    return torch.from_numpy(np.maximum(drawn, -0.5))  # with ties


def judged(embedded, active, asked):
    numbers = np.arange(active.shape[1])
    with SILENT.task("words", steps_of(len(embedded.words), asked)) as task:
        return judge_words(embedded, active, asked, numbers, task)


def drawn_orders(asked, images=IMAGES):
    return [
        torch.randperm(images, generator=torch_generator(0, "words", "null", draw)).numpy()
        for draw in range(asked.word_draws)
    ]


def ties(images=IMAGES):
    return torch.randperm(images, generator=torch_generator(0, "words", "ties")).tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "stated",
    [{}, {"word_images": 4, "word_sharpness": 3.0, "word_first": 0.9, "word_last": 0.4},
     {"word_prior": 0.3}],
)  # fmt: skip
def test_soft_wpmi_and_its_p_are_as_defined(seed, stated):
    asked, embedded, active = settings(**stated), embeddings(seed), activations(seed)
    count = min(asked.word_images, IMAGES // 10)
    similar = oracle.cosines(embedded.of_images.numpy(), embedded.of_words.numpy())
    certain = {
        "sharpness": asked.word_sharpness,
        "first": asked.word_first,
        "last": asked.word_last,
    }
    scores = oracle.soft_wpmi(
        active.numpy(), similar, count=count, order=ties(), weight=asked.word_prior, **certain
    )
    logs = [
        oracle.log_p(oracle.highest(column, count, ties()), similar, *certain.values())
        for column in active.numpy().T
    ]
    of_draws = [
        oracle.log_p(order[:count], similar, *certain.values()) for order in drawn_orders(asked)
    ]
    mean, spread = oracle.of_random_images(count, similar, *certain.values())
    chosen = scores.argmax(axis=1)
    fits = ((np.array(logs) - mean) / spread)[np.arange(UNITS), chosen]
    drawn = [np.tile((each - mean) / spread, (UNITS, 1)) for each in of_draws]
    table, _ = judged(embedded, active, asked)
    assert_words(table, scores, embedded.words, "word", "wpmi")
    assert table["p"].tolist() == oracle.p_of(fits, drawn).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_correlation_and_its_p_are_as_defined(seed):
    asked, embedded, active = settings(), embeddings(seed), activations(seed)
    similar = oracle.cosines(embedded.of_images.numpy(), embedded.of_words.numpy())
    scores = oracle.correlations(active.numpy(), similar)
    drawn = [oracle.correlations(active.numpy(), similar[order]) for order in drawn_orders(asked)]
    table, _ = judged(embedded, active, asked)
    assert_words(table, scores, embedded.words, "correlated_word", "correlation")
    assert table["correlation_p"].tolist() == oracle.p_of(scores.max(axis=1), drawn).tolist()


def assert_words(table, scores, names, word, score):
    for rank, ending in enumerate(("", "_2", "_3")):
        order = np.argsort(-scores, axis=1, kind="stable")[:, rank]
        assert table[f"{word}{ending}"].tolist() == [names[index] for index in order]
        expected = np.take_along_axis(scores, order[:, None], axis=1)[:, 0]
        np.testing.assert_allclose(table[f"{score}{ending}"], expected, rtol=1e-9, atol=1e-9)


def test_of_words_that_fit_alike_the_earlier_one_is_taken():
    embedded, active = embeddings(0), activations(0)
    twice = Embedded(
        words=("a", "b", "c"),
        of_images=embedded.of_images,
        of_words=embedded.of_words[[1, 1, 1]],
    )
    table, _ = judged(twice, active, settings())
    for column in ("word", "correlated_word"):
        assert table[column].tolist() == ["a"] * UNITS


def test_a_unit_that_is_as_active_on_every_image_has_no_word_and_leaves_the_others_theirs():
    embedded, active = embeddings(1), activations(1)
    constant = torch.cat([active[:, :2], torch.ones(IMAGES, 1), active[:, 2:]], dim=1)
    alone, _ = judged(embedded, active, settings())
    table, summary = judged(embedded, constant, settings())
    assert table.loc[2, ["word", "wpmi", "p", "correlated_word", "correlation"]].isna().all()
    assert not table.loc[2, ["beyond_chance", "undecided"]].any()
    rest = table.drop(index=2).drop(columns="unit").reset_index(drop=True)
    assert rest[["word", "wpmi", "p"]].equals(alone[["word", "wpmi", "p"]])
    assert summary["count"] == WORDS


def test_a_word_as_close_to_every_image_correlates_with_nothing():
    embedded, active = embeddings(2), activations(2)
    images = torch.nn.functional.pad(embedded.of_images, (0, 1)) * 0.8**0.5
    images[:, -1] = 0.2**0.5
    words = torch.nn.functional.pad(embedded.of_words, (0, 1))
    words[0] = torch.tensor([0.0] * 4 + [1.0])
    flat = Embedded(words=embedded.words, of_images=images, of_words=words)
    table, _ = judged(flat, active, settings())
    named = table[["correlated_word", "correlated_word_2", "correlated_word_3"]]
    assert not (named == "word 0").any(axis=None)
    assert np.isfinite(table["correlation"]).all()


def test_no_more_than_a_tenth_of_the_images_count_among_the_highest():
    assert images_looked_at(2000, settings()) == 100
    assert images_looked_at(60, settings()) == 6
    assert images_looked_at(3, settings()) == 1


def test_images_of_equal_activation_come_in_one_drawn_order():
    flat = torch.zeros(IMAGES, 2)
    flat[7] = 1
    expected = [7, *(image for image in ties() if image != 7)]
    assert highest_images(flat, 5).tolist() == [expected[:5]] * 2


def test_p_of_units_that_know_nothing_is_seldom_low():
    asked, low, correlated, found = settings(word_draws=99), [], [], 0
    for seed in range(20):
        table, _ = judged(embeddings(seed), activations(seed + 50, units=20), asked)
        low.append(np.mean(table["p"] <= 0.1))
        correlated.append(np.mean(table["correlation_p"] <= 0.1))
        found += int(table[["beyond_chance", "correlation_beyond_chance"]].any(axis=1).sum())
    for shares in (low, correlated):  # units of a layer share draws: layers are what is independent
        assert np.mean(shares) <= 0.1 + 3 * np.std(shares) / 20**0.5
    assert found <= 8
