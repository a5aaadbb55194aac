# SPDX-License-Identifier: Apache-2.0
"""The grammar of variants: what is wrong with a plant, in one line that fits on a command line.

    SPEC  = "nominal" | PART { "+" PART }              gravity=14      reversed+motor.delay=2
    PART  = "reversed" | NAME "=" VALUE [ "@" INDEX ]  motor=0.5       sensor.bias=0.1@2

`reversed` is short for `motor=-1`. "@" picks one entry of the action or the observation, counted from 0; without it,
all are meant. Parts lie around the plant like shells, the first one innermost.

    motor=K            what the motor gives for what it is told, as a share; -1: wired backwards
    motor.bias=B       it always gives B of half its range more                     continuous actions
    motor.delay=N      commands arrive N ticks late                                 N whole, > 0
    motor.noise=S      Gaussian, S of half the range; discrete: a share of random actions
    gravity=G          m/s²
    mass=K, length=K   of the moving body, as a share of what was built
    friction=F         sliding coefficient of the contacts
    damping=D          viscous, of the joints or of the body, in the units of the engine
    wind=P             N, at most (Gymnasium's wind_power)
    sensor.gain=K      readings times K; -1: mounted the wrong way round
    sensor.bias=B      readings plus B, in their own units
    sensor.noise=S     readings plus Gaussian noise, in their own units
    sensor.dropout=P   with probability P a tick shows the reading of the tick before   0 <= P < 1
    sensor.swap=I:J    the readings I and J come in each other's place
    camera.shift=X:Y   the picture X pixels to the right, Y down       plants that are seen through a camera
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from plasma_trainer.errors import UsageError

SHORT = {"reversed": "motor=-1"}
PART = re.compile(r"(?P<name>[a-z.]+)=(?P<value>[^@]+)(@(?P<index>\d+))?")
SWAP = re.compile(r"\d+:\d+")
SHIFT = re.compile(r"-?\d+:-?\d+")

# Name -> what its values must be, in words and as a test.
VALUES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "motor": ("a number other than 0 and 1", lambda v: v not in (0.0, 1.0)),
    "motor.bias": ("a number within -2 and 2, not 0", lambda v: 0 < abs(v) <= 2),
    "motor.delay": ("a whole number of ticks from 1 to 100", lambda v: v in range(1, 101)),
    "motor.noise": ("a number above 0, at most 1", lambda v: 0 < v <= 1),
    "gravity": ("a number of m/s² within 0 and 100", lambda v: 0 <= v <= 100),
    "mass": ("a factor within 0.01 and 100", lambda v: 0.01 <= v <= 100),
    "length": ("a factor within 0.01 and 100", lambda v: 0.01 <= v <= 100),
    "friction": ("a number from 0 to 100", lambda v: 0 <= v <= 100),
    "damping": ("a number from 0 to 1000", lambda v: 0 <= v <= 1000),
    "wind": ("a number above 0, at most 20", lambda v: 0 < v <= 20),
    "sensor.gain": ("a number other than 0 and 1", lambda v: v not in (0.0, 1.0)),
    "sensor.bias": ("a number other than 0", lambda v: v != 0),
    "sensor.noise": ("a number above 0", lambda v: v > 0),
    "sensor.dropout": ("a probability above 0 and below 1", lambda v: 0 < v < 1),
}
INDEXED = ("motor", "motor.bias", "sensor.gain", "sensor.bias", "sensor.noise", "sensor.dropout")


@dataclass(frozen=True)
class Fault:
    """One part of a SPEC. `index`: of the action or the observation, None for all; `other`: what it is swapped with, or
    of a shift the way down.
    """

    name: str
    value: float
    index: int | None = None
    other: int | None = None


def parse(spec: str) -> tuple[Fault, ...]:
    """What is wrong with the plant `spec`, innermost first; nothing for "nominal".

    Raises UsageError for what is no SPEC. Whether a plant can have the faults, only the plant knows: see `with_faults`.
    """
    if spec == "nominal":
        return ()
    return tuple(_fault(SHORT.get(part, part), spec) for part in spec.split("+"))


def check_variant(spec: str) -> str:
    """`spec` itself when it follows the grammar. Raises UsageError."""
    parse(spec)
    return spec


def _fault(part: str, spec: str) -> Fault:
    match = PART.fullmatch(part)
    if match is None or match["name"] not in {*VALUES, *PAIRS}:
        raise UsageError(
            f"variant {spec!r}: found {part!r}, expected nominal, reversed, or NAME=VALUE[@INDEX] joined by '+', "
            f"where NAME is one of {', '.join([*VALUES, *PAIRS])}"
        )
    name, value = match["name"], match["value"]
    index = None if match["index"] is None else int(match["index"])
    if index is not None and name not in INDEXED:
        raise UsageError(
            f"variant {spec!r}: {name} is of the whole plant, found @{index}; leave that out"
        )
    if name in PAIRS:
        return PAIRS[name](value, spec)
    expected, allowed = VALUES[name]
    number = _number(value)
    if not (math.isfinite(number) and allowed(number)):
        raise UsageError(f"variant {spec!r}: {name} is {value}; expected {expected}")
    return Fault(name, number, index)


def _swap(value: str, spec: str) -> Fault:
    first, _, second = value.partition(":")
    if SWAP.fullmatch(value) is None or int(first) == int(second):
        raise UsageError(
            f"variant {spec!r}: sensor.swap is {value}; expected two different indices, I:J"
        )
    return Fault("sensor.swap", 0.0, int(first), int(second))


def _shift(value: str, spec: str) -> Fault:
    right, _, down = value.partition(":")
    if SHIFT.fullmatch(value) is None or int(right) == int(down) == 0:
        raise UsageError(
            f"variant {spec!r}: camera.shift is {value}; expected two whole numbers of pixels, X:Y, not both 0"
        )
    return Fault("camera.shift", int(right), None, int(down))


PAIRS: dict[str, Callable[[str, str], Fault]] = {"sensor.swap": _swap, "camera.shift": _shift}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
