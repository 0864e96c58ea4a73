import pytest
from pydantic import ValidationError

from prunescope.base.errors import ConfigError
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
        ({"schedule": "cosine", "pct_start": 0.2}, 'pct_start belong to schedule "one-cycle"'),
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
