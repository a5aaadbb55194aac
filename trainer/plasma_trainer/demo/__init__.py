# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the motor is wired backwards. The whole product in one protocol, on a real environment."""

from plasma_trainer.demo.motor import run_demo

__all__ = ["run_demo"]
