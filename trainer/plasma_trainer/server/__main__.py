# SPDX-License-Identifier: Apache-2.0
"""python -m plasma_trainer.server: its verbs without loading torch, as `serve` starts its workers."""

from plasma_trainer.server.cli import commands

commands()
