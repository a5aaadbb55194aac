# SPDX-License-Identifier: Apache-2.0
"""plasma-train in haste, as a program."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
from plasma_trainer.cli import main
from tests.trainer.haste import hasten

hasten(setattr)
main()
