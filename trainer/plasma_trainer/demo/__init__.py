# SPDX-License-Identifier: Apache-2.0
"""The whole product in one protocol, on real environments.

motor   the motor is wired backwards, and healed in mid-stride (`make demo`)
cheat   the gate at work
heal    a gallery of broken plants, each before and after its adapter
"""

from plasma_trainer.demo.cheat import CheatArgs, run_cheat
from plasma_trainer.demo.heal import HealArgs, run_heal
from plasma_trainer.demo.motor import DemoArgs, run_demo

__all__ = ["CheatArgs", "DemoArgs", "HealArgs", "run_cheat", "run_demo", "run_heal"]
