"""Can a verdict be quoted as it is written?"""

import numpy as np

from prunescope.report.terminal import write_sections
from prunescope.report.verdict_views import strategy_sections, verdict_sections, verdict_text
from prunescope.statistics.settings import VerdictSettings
from prunescope.statistics.verdict import CountByLevel, verdict_on


def found(counts, accuracy=None, twins=None):
    counts = np.array(counts, float)
    accuracy = np.full(counts.shape, 0.7) if accuracy is None else np.array(accuracy, float)
    twins = np.empty((len(counts), 0)) if twins is None else np.array(twins, float)
    return verdict_on(
        CountByLevel(counts=counts, accuracy=accuracy, twins=twins), VerdictSettings()
    )


def test_a_verdict_says_what_was_seen_and_how_sure_it_is():
    text = verdict_text(found([[100, 101, 99], [100, 99, 101]], twins=[[100], [100]]))
    assert text == (
        "A (unchanged while accuracy holds); 0.0 % at levels 1 to 2, 90 % interval 0.0 % to 0.0 %, "
        "2 replicates; dense twins 0.0 %"
    )


def test_a_loss_is_called_by_its_name():
    text = verdict_text(found([[100, 50, 9], [100, 51, 9]], [[0.7, 0.7, 0.1]] * 2))
    assert text.startswith("C (fewer than unpruned while accuracy holds); -49.5 % at level 1, ")
    assert text.endswith("2 replicates; accuracy falls at level 2; count falls at level 1")


def test_what_is_open_says_why_and_what_would_decide():
    text = verdict_text(found([[100, 80], [100, 110], [100, 95]]))
    assert "not enough evidence: the interval is too wide to decide; -5.8 % at level 1" in text
    assert text.endswith("replicates would decide")
    assert verdict_text(found([[100, 80]])).endswith("a verdict takes two or more")


def test_what_no_number_of_replicates_would_decide_is_said():
    edge = 100 * 0.9001  # of the margin
    text = verdict_text(found([[100, 1.1 * edge], [100, edge / 1.1]]))
    assert text.endswith("2 replicates; not even 100 replicates would decide")


def test_strategies_are_laid_side_by_side_in_pairs():
    pair = {"layer": "layer4", "strategy": "lottery", "against": "random", "levels": "1 2"}
    pairs = [
        pair | {"count": "units", "replicates": 3, "difference": 0.25, "low": 0.1, "high": 0.5},
        pair
        | {"count": "concepts", "replicates": 0, "levels": ""}
        | dict.fromkeys(("difference", "low", "high")),
    ]
    known = found([[100, 95]] * 2)
    lines = write_sections(
        strategy_sections(pairs, {"layer4": {"lottery": {"units": known}}})
    ).splitlines()
    assert lines[0] == "Strategies on layer4, in pairs"
    assert lines[2].endswith("95 % interval")
    assert " ".join(lines[3].split()) == "lottery random units 1 2 3 +25.0 % +10.0 % to +50.0 %"
    assert lines[4].split() == [*("lottery", "random", "concepts"), "–", "0", "–", "–"]


def shown(verdicts):
    return write_sections(verdict_sections({"layer4": verdicts})).splitlines()


def test_a_layer_has_a_row_for_each_count_and_a_sentence_where_something_is_known():
    known, unknown = found([[100, 95, 50]] * 2, [[0.7, 0.7, 0.6]] * 2), found([[100, 0]] * 2)
    lines = shown({"lottery": {"units": known, "concepts": unknown}})
    assert lines[0] == "Verdict on layer4"
    assert lines[3].split() == [
        *("lottery", "units", "A", "-5.0", "%", "-5.0", "%", "to", "-5.0", "%", "–", "2", "2")
    ]
    assert lines[4].split() == [
        "lottery",
        "concepts",
        "not",
        "enough",
        "evidence",
        *"–––",
        "–",
        "1",
    ]
    assert lines[6].startswith("  lottery, units: A (unchanged while accuracy holds); -5.0 % at")
    assert lines[7] == (
        "  not enough evidence for lottery (concepts): the count is 0 at level 1 in 2 replicates"
    )


def test_a_layer_without_pruned_levels_has_no_verdict():
    assert verdict_sections({"layer4": {}}) == []


def test_a_strategy_whose_counts_share_a_reason_is_named_once():
    alone, zero = found([[100, 90]]), found([[100, 0]])
    one = {"units": alone, "concepts": alone}
    lines = shown({"lottery": one, "random": one | {"concepts": zero}})
    assert lines[-2].startswith("  not enough evidence for lottery, random (units): one replicate")
    assert lines[-1].startswith("  not enough evidence for random (concepts): the count is 0")


def test_a_reason_that_holds_for_all_is_said_once():
    alone = found([[100, 90]])
    lines = shown({name: {"units": alone, "concepts": alone} for name in ("lottery", "random")})
    assert lines[3].split()[5:8] == ["-10.0", "%", "–"]
    assert lines[-1] == (
        "  not enough evidence: one replicate shows no spread: a verdict takes two or more"
    )
