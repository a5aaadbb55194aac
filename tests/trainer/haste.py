# SPDX-License-Identifier: Apache-2.0
"""Training too hasty to be good, for tests of what happens around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plasma_trainer.pipelines import adapt, examine, learner, lessons
from plasma_trainer.pipelines.evaluate import Returns


def hasten(patch: Callable[[Any, str, Any], None]) -> None:
    """Worlds barely fitted; and any adapter will do, as if the fault had cost the base everything."""
    everything = adapt.Damage(Returns(500.0, 500.0, 500.0, 2), Returns(9.0, 9.0, 9.0, 2))
    patch(learner, "UPDATES", 20)
    patch(examine, "AUDITOR_UPDATES", 20)
    patch(lessons, "COURSE", 0)
    patch(adapt, "damage_of", lambda *_: everything)
    patch(adapt, "_refuse_useless", lambda *_: None)
