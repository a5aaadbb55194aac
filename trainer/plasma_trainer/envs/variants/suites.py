# SPDX-License-Identifier: Apache-2.0
"""For each task, variants on which a base that has learnt the task fails; benchmarks/adapters.py shows that it does.

A variant is here if it costs a base at least half of what it earns beyond random actions, which was seen before any
adapter was learnt for it: bases shrug off four times the gravity on CartPole, and half as much again on Pendulum. What
no policy can mend is not here. `motor.delay` is: a policy without a memory cannot know what it
ordered, and may still learn to act ahead. LunarLander's were chosen by what brings down the pilot that comes with
Gymnasium (`heuristic`).
"""

from __future__ import annotations

SUITES: dict[str, tuple[str, ...]] = {
    "CartPole-v1": (
        "reversed",
        "reversed+length=3",
        "length=4",
        "sensor.gain=-1@2",
        "sensor.gain=-1@3",
        "sensor.swap=0:2",
        "sensor.swap=2:3",
        "sensor.bias=0.1@2",
        "sensor.bias=1@0",
        "motor.delay=3",
    ),
    "Pendulum-v1": (
        "reversed",
        "reversed+gravity=12",
        "gravity=14",
        "motor.bias=0.5",
        "sensor.gain=-1@0",
        "sensor.gain=-1@1",
        "sensor.gain=-1@2",
        "sensor.gain=0.3@2",
        "sensor.swap=0:1",
        "sensor.swap=0:2",
        "sensor.bias=0.3@1",
        "motor.delay=5",
    ),
    "InvertedPendulum-v5": (
        "reversed",
        "length=2",
        "damping=10",
        "sensor.gain=-1@0",
        "sensor.gain=-1@1",
        "sensor.gain=-1@2",
        "sensor.gain=-1@3",
        "sensor.swap=0:2",
        "sensor.bias=0.1@1",
        "sensor.bias=0.5@0",
        "motor.delay=1",
    ),
    "LunarLander-v3": (
        "reversed",
        "mass=1.5",
        "wind=20",
        "sensor.gain=-1@2",
        "sensor.gain=-1@3",
        "sensor.gain=-1@4",
        "sensor.gain=-1@5",
        "sensor.swap=0:1",
        "sensor.swap=2:3",
        "sensor.bias=0.3@4",
        "motor.delay=8",
    ),
}
