"""Can a verdict be quoted as it is written?"""

import numpy as np
import pytest

from prunescope.report.terminal import write_sections
from prunescope.report.verdict_views import falls_text, verdict_sections, verdict_text
from prunescope.statistics.settings import VerdictSettings
from prunescope.statistics.verdict import Course, verdict_on


def found(counts, accuracy=None, twins=None):
    counts = np.array(counts, float)
    accuracy = np.full(counts.shape, 0.7) if accuracy is None else np.array(accuracy, float)
    twins = np.empty((len(counts), 0)) if twins is None else np.array(twins, float)
    return verdict_on(Course(counts=counts, accuracy=accuracy, twins=twins), VerdictSettings())


def test_a_verdict_says_what_was_seen_and_how_sure_it_is():
    text = verdict_text(found([[100, 101, 99], [100, 99, 101]], twins=[[100], [100]]))
    assert text == (
        "A (unchanged while accuracy holds); 0.0 % at levels 1 to 2, 95 % interval 0.0 % to 0.0 %, "
        "2 replicates; dense twins 0.0 %"
    )


def test_a_loss_is_called_by_its_name():
    text = verdict_text(found([[100, 50, 9], [100, 51, 9]], [[0.7, 0.7, 0.1]] * 2))
    assert text.startswith("C (fewer than unpruned while accuracy holds); -49.5 % at level 1, ")


def test_what_is_open_says_why_and_what_would_decide():
    text = verdict_text(found([[100, 80], [100, 110], [100, 95]]))
    assert "not enough evidence: the interval is too wide to decide; -5.8 % at level 1" in text
    assert text.endswith("replicates would decide")
    assert verdict_text(found([[100, 80]])).endswith("a verdict takes two or more")


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        ([[0.7, 0.7, 0.7]] * 2, "lottery: begins to fall: units at level 2; never falls: accuracy"),
        ([[0.7, 0.6, 0.6]] * 2, "lottery: begins to fall: accuracy at level 1, units at level 2"),
    ],
)
def test_it_is_said_at_which_level_each_begins_to_fall(accuracy, words):
    assert falls_text("lottery", {"units": found([[100, 95, 50]] * 2, accuracy)}) == words


def test_a_layer_has_a_line_for_each_count_of_each_strategy():
    on = found([[100, 100]] * 2)
    verdicts = {"layer4": {"lottery": {"units": on, "concepts": on}}}
    lines = write_sections(verdict_sections(verdicts)).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("Verdict on layer4", "  lottery, units", "  lottery, concepts", "  lottery")
    ]
