# SPDX-License-Identifier: Apache-2.0
import pytest

from plasma_trainer.envs.variants import Fault, check_variant, parse
from plasma_trainer.errors import UsageError


def test_nominal_is_a_plant_without_faults() -> None:
    assert parse("nominal") == ()


def test_reversed_is_a_motor_that_gives_minus_what_it_is_told() -> None:
    assert parse("reversed") == parse("motor=-1") == (Fault("motor", -1.0),)


def test_parts_are_read_from_the_plant_outwards() -> None:
    assert parse(
        "gravity=14+motor.delay=2+sensor.bias=-1e-1@2+sensor.swap=0:3+camera.shift=-2:1"
    ) == (
        Fault("gravity", 14.0),
        Fault("motor.delay", 2.0),
        Fault("sensor.bias", -0.1, 2),
        Fault("sensor.swap", 0.0, 0, 3),
        Fault("camera.shift", -2, None, 1),
    )


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("sideways", "nominal, reversed, or NAME=VALUE"),
        ("", "nominal, reversed, or NAME=VALUE"),
        ("nominal+reversed", "found 'nominal'"),
        ("motor=-1+", "found ''"),
        ("colour=2", "found 'colour=2'"),
        ("motor=fast", "motor is fast; expected a number"),
        ("motor=nan", "motor is nan"),
        ("motor=inf", "motor is inf"),
        ("motor=1", "other than 0 and 1"),
        ("motor.delay=1.5", "whole number of ticks"),
        ("motor.delay=0", "whole number of ticks"),
        ("gravity=14@0", "of the whole plant"),
        ("mass=-2", "a factor within"),
        ("sensor.dropout=1", "below 1"),
        ("sensor.bias=0.1@-1", "NAME=VALUE"),
        ("sensor.bias=0.1@0@1", "NAME=VALUE"),
        ("sensor.swap=1", "two different indices"),
        ("sensor.swap=1:1", "two different indices"),
        ("sensor.swap=0:1@2", "of the whole plant"),
        ("camera.shift=3", "two whole numbers of pixels"),
        ("camera.shift=0:0", "not both 0"),
        ("camera.shift=1.5:0", "two whole numbers of pixels"),
    ],
)
def test_what_is_no_spec_is_refused_with_what_would_be(spec: str, complaint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        check_variant(spec)
    assert complaint in str(refusal.value)
