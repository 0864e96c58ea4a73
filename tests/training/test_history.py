import pytest

from prunescope.base.steps import Step
from prunescope.training.history import History


def test_a_row_holds_means_over_images_not_over_batches():
    history = History()
    history.add(images=3, loss=1.0, right=3)
    history.add(images=1, loss=5.0, right=0)
    history.close_row(Step(7, 4), 0.1)
    row = history.table().iloc[0]
    assert (row.epoch, row.iteration) == (1, 8)
    assert (row.learning_rate, row.train_loss, row.train_accuracy) == (0.1, 2.0, 0.75)


def test_an_empty_history_has_the_same_columns_and_types():
    history = History()
    empty = history.table()
    history.add(images=1, loss=1.0, right=1)
    history.close_row(Step(0, 1), 0.1)
    assert len(empty) == 0
    assert (empty.dtypes == history.table().dtypes).all()


@pytest.mark.parametrize("closed", [True, False])
def test_text_keeps_every_bit(closed):
    history = History()
    history.add(images=3, loss=0.1 + 0.2, right=2)
    if closed:
        history.close_row(Step(0, 1), 1 / 3)
        history.add(images=7, loss=1 / 7, right=1)
    assert History.from_text(history.as_text()) == history
