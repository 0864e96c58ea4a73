"""Is a wrong setting refused with its place, what was given, and the nearest valid name?"""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from prunescope.base.errors import ConfigError
from prunescope.base.settings import Later, Settings


class Wheel(Settings):
    radius: Annotated[float, Field(gt=0)] = 0.3
    tyre: Literal["Summer", "Winter"] = "Summer"


class Car(Settings):
    doors: int
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    named: dict[str, Wheel] | None = None

    @model_validator(mode="after")
    def _agree(self) -> "Car":
        if self.doors == 13:
            raise ValueError("thirteen doors bring no luck")
        return self


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dors": 2, "doors": 4}, 'car.yaml: dors is not a setting (did you mean "doors"?)'),
        ({"zzz": 2, "doors": 4}, "zzz is not a setting (known here: doors, wheels, spare, named)"),
        ({}, "car.yaml: doors is missing"),
        ({"doors": "many"}, "doors is 'many', but must be a whole number"),
        ({"doors": 2.5}, "doors is 2.5, but must be a whole number"),
        ({"doors": 13}, "settings: thirteen doors bring no luck"),
        ({"doors": 2, "spare": {"radius": 0}}, "spare.radius is 0, but must be greater than 0"),
        ({"doors": 2, "spare": {"radius": float("inf")}}, "spare.radius is inf"),
        ({"doors": 2, "spare": 7}, "spare is 7"),
        ({"doors": 2, "spare": {"radios": 1}}, 'spare.radios is not a setting (did you mean "radi'),
        ({"doors": 2, "wheels": [{}, {"tire": 1}]}, "wheels.1.tire is not a setting (did you mean"),
        ({"doors": 2, "named": {"a": {"tire": 1}}}, "named.a.tire is not a setting"),
        ({"doors": 2, "named": {"radius": {"tire": 1}}}, '(did you mean "tyre"?)'),
        ({"doors": 2, "spare": {"tyre": "None"}}, "but must be 'Summer' or 'Winter'"),
        ({1: 2, "doors": 4}, "1 is 1: keys should be strings"),
    ],
)
def test_a_wrong_setting_is_named_and_explained(values, message):
    with pytest.raises(ConfigError) as error:
        Car.validate_from(values, "car.yaml")
    assert message in str(error.value)


def test_every_fault_is_told_at_once():
    with pytest.raises(
        ConfigError,
        match=r"doors is missing; wheels is 3, but must be a list.*; spare is 4, but must hold",
    ):
        Car.validate_from({"wheels": 3, "spare": 4}, "car.yaml")


def test_right_settings_come_back_frozen_and_the_given_ones_stay():
    values = {"doors": 4, "spare": {"radius": 1}}
    car = Car.validate_from(values, "car.yaml")
    assert car == Car(doors=4, spare=Wheel(radius=1.0))
    assert values == {"doors": 4, "spare": {"radius": 1}}
    with pytest.raises(ValidationError):
        car.doors = 5


class Radio(Settings):
    stations: int = 5
    digital: Annotated[bool, Later()] = False


class Engine(Settings):
    fuel: Annotated[Literal["petrol", "none"], Later(meant="petrol")] = "none"
    size: Annotated[float | None, Later(meant=None)] = 1.0


def test_what_came_later_with_another_default_enters_a_key_unless_it_is_what_was_meant_before():
    assert Engine().for_key() == {"fuel": "none", "size": 1.0}
    assert Engine(fuel="petrol", size=None).for_key() == {}


class Lorry(Settings):
    doors: int = 2
    radio: Radio = Radio()
    trailer: Annotated[Radio | None, Later()] = None


def test_what_came_later_enters_a_key_only_where_it_is_not_at_its_default():
    assert Lorry(trailer=None).for_key() == {"doors": 2, "radio": {"stations": 5}}
    assert Lorry(radio=Radio(digital=True), trailer=Radio()).for_key() == {
        "doors": 2,
        "radio": {"stations": 5, "digital": True},
        "trailer": {"stations": 5},
    }
