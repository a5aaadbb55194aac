# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the motor is wired backwards. The whole product in one protocol, on a real environment."""

from plasma_trainer.demo.motor import DemoArgs, run_demo

__all__ = ["DemoArgs", "run_demo"]
