"""What must the files of a run, a dissection and a comparison hold where they are read?"""

from prunescope.results.checksums import FILES
from prunescope.results.columns import (
    CHANGES,
    CLASSES,
    CLASSES_OR_NONE,
    COUNTS,
    COUNTS_OR_NONE,
    LISTS,
    LOSSES,
    NAMES,
    NUMBERS,
    SHARES,
    TEXTS,
    TRUTHS,
    Columns,
    where_there,
)
from prunescope.results.forms import (
    AMOUNT,
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    TRUTH,
    Each,
    Fields,
    Object,
    Rows,
)
from prunescope.results.forms import COUNTS as LIST_OF_COUNTS
from prunescope.results.forms import NUMBERS as LIST_OF_NUMBERS
from prunescope.results.forms import TEXTS as LIST_OF_TEXTS
from prunescope.results.labelled_by import LABELLED_BY, LABELLED_BY_FORM

METRICS_FORM: Fields = {
    **{"replicate": COUNT, "strategy": TEXT, "level": COUNT},
    **{"keep": SHARE, "keep_overall": SHARE.or_none, "top1": SHARE},
}
"""`metrics.json` of a level."""

EVALUATION_FORM: Fields = {
    **{"network": TEXT, "data": TEXT, "split": TEXT},
    **{"top1": SHARE, "top5": SHARE, "loss": AMOUNT.or_none, "images": COUNT},
    "per_class": Each(SHARE.or_none),
}
"""`evaluation.json` of one network."""

_QUARTILES = Object(dict.fromkeys(("low", "median", "high"), AMOUNT))
_EVALUATED = Object(
    {
        **{"name": TEXT, "top1": SHARE, "top5": SHARE, "loss": AMOUNT.or_none},
        **{"calibration_error": SHARE.or_none, "milliseconds": _QUARTILES.of},
        **dict.fromkeys(("multiply_adds", "sparse_multiply_adds", "bytes"), COUNT.or_none),
    }
)
EVALUATION_PAIR_FORM: Fields = {
    **{"data": TEXT, "split": TEXT, "images": COUNT, "a": _EVALUATED, "b": _EVALUATED},
    **dict.fromkeys(("difference", "low", "high"), NUMBER),
    **{"agreement": SHARE, "worse": COUNT, "better": COUNT},
    "flips": Object({"lost": COUNT, "gained": COUNT, "p": SHARE}),
    "latency": {"ratio": _QUARTILES, "images": COUNT, "rounds": COUNT, "precision": TEXT},
    "classes": Rows(
        Object(
            {
                **{"class": TEXT, "images": COUNT},
                **dict.fromkeys(("accuracy_a", "accuracy_b"), SHARE.or_none),
                **dict.fromkeys(("difference", "low", "high"), NUMBER.or_none),
            }
        )
    ),
}
"""`evaluation.json` of two networks."""

_CONTROL = ("control", "control_low", "control_high")
ABLATION_FORM: Fields = {
    **{"network": TEXT, "data": TEXT, "split": TEXT, "layer": TEXT, "concept": TEXT.or_none},
    **{"units": LIST_OF_COUNTS, "seed": COUNT, "images": COUNT, "whole": SHARE, "without": SHARE},
    **dict.fromkeys(("difference", "low", "high"), NUMBER),
    **dict.fromkeys(_CONTROL, NUMBER.or_none),
    **{"controls": COUNT, "controls_as_bad": COUNT},
    "classes": Rows(
        Object(
            {
                **{"class": TEXT, "images": COUNT},
                **dict.fromkeys(("whole", "without"), SHARE.or_none),
                **dict.fromkeys(("difference", "low", "high", *_CONTROL), NUMBER.or_none),
            }
        )
    ),
}
"""`ablation.json` of a network without some units."""

PREDICTION_COLUMNS: Columns = {
    **{"row": COUNTS, "class": CLASSES, "prediction": CLASSES_OR_NONE},
    **{"probability": SHARES, "rank": COUNTS, "loss": LOSSES},
}
"""`predictions.parquet` of a level."""

DISSECTION_FORM: Fields = {
    **{"units": COUNT.or_none, "interpretable": COUNT.or_none, "concepts": COUNT.or_none},
    **{
        "dead": COUNT.or_none,
        "by_category": Each({"units": COUNT, "concepts": COUNT}, may_lack=True),
    },
    **{
        "images": COUNT.or_none,
        "unnumbered": TRUTH.or_none,
        "unit_numbers": LIST_OF_COUNTS.or_none,
    },
    "left_out": Rows(Object({"image": TEXT, "reason": TEXT}), may_lack=True),
    LABELLED_BY: LABELLED_BY_FORM,
    **{"layer": TEXT.or_none, "convention": TEXT.or_none},
    "basis": {"kind": TEXT, "seed": COUNT.or_absent, "units": COUNT, "fingerprint": TEXT},
    "concept_set": {"name": TEXT, "fingerprint": TEXT, "mask_size": COUNT.or_none},
    "input": {
        "resolution": COUNT.or_none,
        "mean": LIST_OF_NUMBERS.or_none,
        "std": LIST_OF_NUMBERS.or_none,
    },
    "settings": {
        **{"quantile": SHARE.or_none, "iou": SHARE.or_none, "precision": TEXT.or_none},
        **{"arithmetic": TEXT.or_none, "channels_last": TRUTH.or_none, "axes": TEXT.or_none},
        **{"categories": LIST_OF_TEXTS.or_none, "quantiles": LIST_OF_NUMBERS.or_none},
    },
    "words": {
        **{"file": TEXT.or_none, "fingerprint": TEXT.or_none, "encoder": TEXT.or_none},
        **dict.fromkeys(("count", "images_looked_at", "draws"), COUNT.or_absent),
        **dict.fromkeys(("beyond_chance", "words", "undecided"), COUNT.or_absent),
        **{f"correlation_{name}": COUNT.or_absent for name in ("beyond_chance", "undecided")},
        "rate": NUMBER.or_absent,
    },
    "chance": {
        **{"draws": COUNT, "rate": NUMBER, "smallest_draws": COUNT.or_none},
        **{"expected_false": AMOUNT, "expected_false_sd": AMOUNT.or_none},
        **{"expected_concepts": AMOUNT.or_absent, "expected_concepts_sd": AMOUNT.or_none},
        **dict.fromkeys(("expected_draws", "most_draws"), COUNT.or_absent),
        **dict.fromkeys(("discoveries", "concepts", "undecided"), COUNT.or_absent),
        "advised_draws": COUNT.or_none,
    },
    "formulas": {
        **{"longest": COUNT, "beam": COUNT, "draws": COUNT},
        "expected": Rows(
            Object({"length": COUNT, "iou": SHARE, "interpretable": AMOUNT}), may_lack=True
        ),
    },
}
"""`summary.json` of a dissected layer."""

WHOLE_DISSECTION_FORM: Fields = {
    **DISSECTION_FORM,
    **dict.fromkeys(("units", "interpretable", "concepts", "dead"), COUNT),
    "by_category": Each(Object({"units": COUNT, "concepts": COUNT})),
    "settings": Object({"iou": SHARE, "categories": LIST_OF_TEXTS.or_none, "precision": TEXT}),
}
"""The same, where the whole dissection is loaded."""

LAYERS_FORM: Fields = {"layers": LIST_OF_TEXTS, FILES: Each(TEXT, may_lack=True)}
"""`layers.json` beside the layers that were saved together."""

UNIT_COLUMNS: Columns = {
    "unit": COUNTS,
    **{"concept": TEXTS, "category": TEXTS, "iou": SHARES},
    **{"interpretable": TRUTHS, "dead": TRUTHS},
    **{"label": COUNTS_OR_NONE, "threshold": NUMBERS.or_none},
    **dict.fromkeys(("intersection", "activation", "truth"), COUNTS_OR_NONE.or_none),
    **dict.fromkeys(("precision", "recall", "f1"), NUMBERS.or_none),
    **dict.fromkeys(("concept_2", "category_2", "concept_3", "category_3"), TEXTS.or_none),
    **dict.fromkeys(("iou_2", "iou_3"), SHARES.or_none),
    **dict.fromkeys(("pearson", "pearson_2", "pearson_3"), CHANGES.or_none),
    **dict.fromkeys(("auprc", "auprc_2", "auprc_3"), SHARES.or_none),
    **{"p": SHARES.or_none, "label_p": SHARES.or_none, "draws": COUNTS.or_none},
    **{"discovery": TRUTHS.or_none, "undecided": TRUTHS.or_none},
    **{"formula": TEXTS.or_none, "iou_of_formula": SHARES.or_none},
    "p_of_formula": SHARES.or_none,
    **{"*_label": TEXTS, "*_iou": SHARES},
}
"""`units.parquet` of a dissected layer."""

WORD_COLUMNS: Columns = {
    "unit": COUNTS,
    **{"*word": TEXTS, "*word_2": TEXTS, "*word_3": TEXTS},
    **dict.fromkeys(("wpmi", "wpmi_2", "wpmi_3"), NUMBERS),
    **dict.fromkeys(("correlation", "correlation_2", "correlation_3"), CHANGES),
    **{"p": SHARES, "correlation_p": SHARES},
    **{"*beyond_chance": TRUTHS, "*undecided": TRUTHS},
}
"""`words.parquet` of a dissected layer."""

LEVEL_UNIT_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES},
    **UNIT_COLUMNS,
}

EXAMPLE_COLUMNS: Columns = where_there(
    {
        **{"unit": COUNTS, "rank": COUNTS, "image": NAMES, "row": COUNTS, "peak": NUMBERS},
        **dict.fromkeys(("height", "width", "peak_row", "peak_column"), COUNTS),
        "map": LISTS,
    }
)
"""`examples.parquet` of a dissected layer."""

IMAGE_COLUMNS: Columns = where_there(
    {
        **{"image": NAMES, "row": COUNTS, "pixels": COUNTS},
        **dict.fromkeys(("labels", "truth", "units", "activation", "intersection"), LISTS),
    }
)
"""`images.parquet` of a dissected layer."""

QUANTILE_COLUMNS: Columns = {
    **{"quantile": SHARES, "unit": COUNTS, "threshold": NUMBERS},
    **{"*_label": COUNTS_OR_NONE, "*_iou": SHARES},
}
"""`quantiles.parquet` of a dissected layer."""

FORMULA_COLUMNS: Columns = {
    **{"unit": COUNTS, "length": COUNTS, "formula": NAMES, "labels": NAMES, "iou": SHARES},
    **dict.fromkeys(("intersection", "activation", "truth"), COUNTS),
    "p": SHARES.or_none,
}
"""`formulas.parquet` of a dissected layer."""

LEVEL_QUANTILE_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES, "keep": SHARES},
    **{"quantile": SHARES, "interpretable": COUNTS, "concepts": COUNTS},
}
"""`tables/quantiles.csv` of a run."""

MASK_COLUMNS: Columns = {
    **{"row": COUNTS, "width": COUNTS},
    **dict.fromkeys(("units", "runs", "starts", "lengths"), LISTS),
}
"""`masks.parquet` of a dissected layer, from which more draws of chance start."""

LEVEL_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES},
    **{"keep": SHARES, "keep_overall": SHARES, "accuracy": SHARES},
    **dict.fromkeys(("units", "interpretable", "concepts", "dead"), COUNTS),
    **{"still_interpretable": SHARES.or_none, "same_concept": SHARES.or_none},
    **{
        "concept_survival": SHARES.or_none,
        "*_chance": SHARES.or_none,
        "*_units": COUNTS,
        "*_concepts": COUNTS,
        "*_count": COUNTS,
    },
    **dict.fromkeys(("discoveries", "undecided", "draws"), COUNTS.or_none),
}
"""`tables/levels.csv` of a run."""

CLASS_COLUMNS: Columns = {
    **{"strategy": NAMES, "level": COUNTS, "class": NAMES, "images": COUNTS, "replicates": COUNTS},
    **{"before": SHARES, "after": SHARES},
    **dict.fromkeys(("difference", "low", "high"), CHANGES),
}
"""`tables/classes.csv` of a run."""

EXEMPLAR_COLUMNS: Columns = {
    **{"strategy": NAMES, "level": COUNTS, "row": COUNTS, "class": NAMES},
    **{"before": TEXTS, "after": TEXTS, "twins_changed": COUNTS_OR_NONE},
    **dict.fromkeys(("replicates", "changed", "lost", "gained", "twins"), COUNTS),
}
"""`tables/exemplars.csv` of a run."""

STRATEGY_COLUMNS: Columns = {
    **dict.fromkeys(("layer", "count", "strategy", "against"), NAMES),
    **{"levels": TEXTS, "replicates": COUNTS},
    **dict.fromkeys(("difference", "low", "high"), NUMBERS),
}
"""`tables/strategies.csv` of a run."""

_CHANGE = {"effect": NUMBER.or_none, "interval": LIST_OF_NUMBERS.or_none}
VERDICT_FORM = Each(
    Each(
        Each(
            Object(
                {
                    **{"verdict": TEXT, "reason": TEXT.or_none, **_CHANGE, "twins": _CHANGE},
                    **{"levels": LIST_OF_COUNTS, "replicates": COUNT, "looks": COUNT},
                    **dict.fromkeys(("needed", "accuracy_falls_at"), COUNT.or_none),
                    **{"count_falls_at": COUNT.or_none, "alpha": SHARE},
                }
            )
        )
    )
)
"""`tables/verdict.json` of a run, by layer, strategy and what is counted."""

INTERVAL_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES},
    **{"*_low": NUMBERS, "*_high": NUMBERS},
}
"""`tables/intervals.csv` of a run."""

SHARE_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES, "unit": COUNTS},
    **{"interpretable_share": SHARES, "concept_share": SHARES, "outcome_share": SHARES.or_none},
}
"""`tables/unit_shares.parquet` of a run."""

CONCEPT_OUTCOME_COLUMNS: Columns = {
    **{"replicate": COUNTS, "strategy": NAMES, "level": COUNTS, "layer": NAMES},
    **{"category": NAMES, "concept": NAMES, "outcome": NAMES},
    **{"units_before": COUNTS, "units_after": COUNTS, "share": SHARES, "certain": TRUTHS},
}
"""`tables/concept_outcomes.parquet` of a run."""

_SIDE = Object({"name": TEXT, "keep": SHARE.or_none, "accuracy": SHARE.or_none})
_OUTCOMES = ("kept", "relabelled", "lost", "gained")
_SURE: Fields = {
    "undecided": dict.fromkeys(_OUTCOMES, COUNT.or_none),
    "interval": Each(LIST_OF_NUMBERS.or_none, may_lack=True),
}
_OF_UNITS: Fields = {
    **_SURE,
    **{"a": COUNT, "b": COUNT},
    **dict.fromkeys(_OUTCOMES, COUNT.or_none),
    **{"still_interpretable": SHARE.or_none, "same_concept": SHARE.or_none},
}
_OF_CONCEPTS: Fields = {
    **_SURE,
    **dict.fromkeys(("a", "b", "kept", "lost", "gained"), COUNT),
    "kept_share": SHARE.or_none,
}
_OF_A_LAYER: Fields = {
    **{"layer_a": TEXT, "layer_b": TEXT, "match": TEXT},
    "units": Object(
        {**_OF_UNITS, **dict.fromkeys(("total_a", "total_b", "dead_a", "dead_b"), COUNT)}
    ),
    "concepts": Object(_OF_CONCEPTS),
    "by_category": Each(Object({"units": Object(_OF_UNITS), "concepts": Object(_OF_CONCEPTS)})),
}
_OF_A_LEVEL: Fields = {
    **{"layer": TEXT, "strategy": TEXT, "level": COUNT, "replicates": COUNT},
    **dict.fromkeys(("keep_a", "keep_b", "accuracy_a", "accuracy_b"), SHARE),
    **dict.fromkeys(("units_a", "units_b", "concepts_a", "concepts_b"), AMOUNT),
    **{f"concepts_{outcome}": AMOUNT for outcome in ("kept", "lost", "gained")},
    **{f"units_{outcome}": AMOUNT.or_none for outcome in _OUTCOMES},
}
_SIDES: Fields = {"a": _SIDE, "b": _SIDE, "iou": SHARE, "warnings": LIST_OF_TEXTS}
COMPARISON_FORM: Fields = {
    **_SIDES,
    "resampling": {"draws": COUNT, "seed": COUNT},
    "layers": Each(Object(_OF_A_LAYER)),
}
"""`summary.json` of a comparison of two dissections."""
RUN_COMPARISON_FORM: Fields = {**_SIDES, "levels": Rows(Object(_OF_A_LEVEL))}
"""`summary.json` of a comparison of two runs."""

COMPARED_UNIT_COLUMNS: Columns = {
    "layer": NAMES,
    **{
        f"{name}_{letter}": kind
        for letter in "ab"
        for name, kind in (
            *(("unit", COUNTS_OR_NONE), ("concept", TEXTS), ("category", TEXTS)),
            *(("iou", SHARES), ("interpretable", TRUTHS)),
        )
    },
    **{"distance": NUMBERS, "outcome": TEXTS, "share": SHARES.or_none},
    **{
        f"{name}_share_{letter}": SHARES.or_none
        for letter in "ab"
        for name in ("interpretable", "concept")
    },
}
COMPARED_CONCEPT_COLUMNS: Columns = {
    **{"layer": NAMES, "category": TEXTS, "concept": TEXTS, "outcome": NAMES},
    **{"units_a": COUNTS, "best_unit_a": COUNTS_OR_NONE, "best_iou_a": SHARES},
    **{"units_b": COUNTS, "best_unit_b": COUNTS_OR_NONE, "best_iou_b": SHARES},
    "share": SHARES.or_none,
}
COMPARED_LEVEL_COLUMNS: Columns = {
    **{"layer": NAMES, "strategy": NAMES, "level": COUNTS, "replicates": COUNTS},
    **dict.fromkeys(("keep_a", "keep_b", "accuracy_a", "accuracy_b"), SHARES),
    **{f"concepts_{name}": NUMBERS for name in ("a", "b", "kept", "lost", "gained")},
    **{f"units_{name}": NUMBERS for name in ("a", "b", "kept", "relabelled", "lost", "gained")},
}
