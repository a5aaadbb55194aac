# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the motor is wired backwards, the whole product in one protocol; and `cheat`, the gate at work."""

from plasma_trainer.demo.cheat import CheatArgs, run_cheat
from plasma_trainer.demo.motor import DemoArgs, run_demo

__all__ = ["CheatArgs", "DemoArgs", "run_cheat", "run_demo"]
