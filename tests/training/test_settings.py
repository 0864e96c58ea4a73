import pytest
from pydantic import ValidationError

from prunescope.base.errors import ConfigError
from prunescope.base.steps import Step
from prunescope.training.optimiser import learning_rate_at
from prunescope.training.settings import TrainingSettings

GOOD = {"to": "2ep", "batch_size": 4, "learning_rate": 0.1, "weight_decay": 0.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"momentum": 1}, "momentum is 1"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"gamma": 0}, "gamma is 0"),
        ({"schedule": "step"}, "schedule is 'step'"),
        ({"precision": "fp16"}, "precision is 'fp16'"),
        ({"to": "two epochs"}, '"two epochs" is not a step'),
        ({"milestones": ["1ep", "soon"]}, '"soon" is not a step'),
        ({"nesterov": True, "momentum": 0}, "nesterov needs a momentum above 0"),
        ({"schedule": "cosine", "milestones": ["1ep"]}, 'milestones belong to schedule "miles'),
        ({"learning_rat": 0.1}, 'did you mean "learning_rate"?'),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ({"label_smothing": 0.1}, 'did you mean "label_smoothing"?'),
        ({"weight_decay_on": "weight"}, "weight_decay_on is 'weight'"),
        ({"schedule": "one-cycle", "milestones": ["1ep"]}, 'but schedule is "one-cycle"'),
        ({"schedule": "one-cycle", "warmup": "1ep"}, "leave out warmup and give pct_start"),
        ({"schedule": "one-cycle", "pct_start": 1.0}, "pct_start is 1.0"),
        ({"schedule": "one-cycle", "div_factor": 0.5}, "div_factor is 0.5"),
        ({"schedule": "cosine", "pct_start": 0.2}, 'pct_start belongs to schedule "one-cycle"'),
        ({"optimizer": "adam"}, "optimizer is 'adam'"),
        ({"optimizer": "adamw", "momentum": 0.9}, 'momentum belongs to optimizer "sgd"'),
        ({"optimizer": "adamw", "nesterov": False}, 'but optimizer is "adamw"'),
        ({"optimizer": "adamw", "betas": [0.9]}, "betas"),
        ({"optimizer": "adamw", "betas": [0.9, 1.0]}, "betas.1 is 1.0"),
        ({"betas": [0.9, 0.95]}, 'betas belong to optimizer "adamw"'),
        ({"mixup": 0}, "mixup is 0"),
        ({"cutmix": -1.0}, "cutmix is -1.0"),
        ({"mixup": 0.2, "batch_size": 1}, "mixup mixes images of a batch, but batch_size is 1"),
        ({"clip_norm": 0}, "clip_norm is 0"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"ema": True}, "ema is true"),
        ({"recalibrate": 0}, "recalibrate is 0"),
        ({"keep_checkpoints": "0ep"}, "keep_checkpoints is 0ep, but must be a step above 0"),
        ({"keep_checkpoints": "often"}, '"often" is not a step'),
        ({"track": "tensorbord"}, 'did you mean "tensorboard"?'),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_given(change, said):
    with pytest.raises(ConfigError, match=r"^recipe\.yaml: ") as caught:
        TrainingSettings.validate_from(GOOD | change, "recipe.yaml")
    assert said in str(caught.value)


def test_settings_cannot_be_changed():
    settings = TrainingSettings.validate_from(GOOD, "recipe.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        settings.momentum = 0.5


def test_fine_tuning_keeps_to_one_rate_or_falls_from_it_to_nothing():
    settings = TrainingSettings(
        **GOOD, schedule="one-cycle", pct_start=0.2, ema=0.9, mixup=0.2, weight_decay_on="weights"
    )
    rates = {
        schedule: [
            learning_rate_at(Step(i, 2), settings.finetuning(0.5, "4ep", schedule))
            for i in (0, 4, 8)
        ]
        for schedule in ("constant", "cosine")
    }
    assert rates == {"constant": [0.5] * 3, "cosine": pytest.approx([0.5, 0.25, 0.0])}
    tuned = settings.finetuning(0.5, "4ep")
    assert (tuned.ema, tuned.mixup, tuned.weight_decay_on) == (0.9, 0.2, "weights")
    assert TrainingSettings.model_validate(tuned.model_dump()) == tuned


def test_settings_of_adamw_are_read_as_they_are_written():
    settings = TrainingSettings(
        **GOOD, optimizer="adamw", betas=(0.9, 0.95), keep_checkpoints="1ep"
    )
    written = settings.model_dump(mode="json")
    assert not {"momentum", "nesterov"} & written.keys()
    assert TrainingSettings.model_validate(written) == settings
    assert {"optimizer", "betas", "keep_checkpoints"} <= settings.for_key().keys()


def test_settings_younger_than_some_runs_are_in_no_key_at_their_defaults():
    assert set(TrainingSettings(**GOOD, track="tensorboard").for_key()) == {
        "to", "batch_size", "learning_rate", "momentum", "nesterov", "weight_decay", "schedule",
        "warmup", "milestones", "gamma", "precision", "channels_last", "augmentation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("every", "start", "end", "kept"),
    [
        ("1ep", 0, 9, [3, 6]),
        ("1ep", 3, 9, [6]),
        ("2it", 1, 6, [2, 4]),
        ("5ep", 0, 9, []),
        (None, 0, 9, []),
    ],
)
def test_weights_are_kept_strictly_between_the_ends_of_a_training(every, start, end, kept):
    settings = TrainingSettings(**GOOD, keep_checkpoints=every)
    assert list(settings.kept_between(Step(start, 3), Step(end, 3))) == kept
