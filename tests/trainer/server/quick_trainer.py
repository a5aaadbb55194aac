# SPDX-License-Identifier: Apache-2.0
"""plasma-train with worlds too hasty to be good, for tests of what happens around it."""

from __future__ import annotations

from plasma_trainer.cli import main
from plasma_trainer.pipelines import audit, learner

learner.UPDATES = audit.AUDITOR_UPDATES = 20
main()
