# SPDX-License-Identifier: Apache-2.0
"""Plants that are not as they were built: motors, bodies and sensors with faults, named by a SPEC string."""

from plasma_trainer.envs.variants.spec import Fault, check_variant, parse
from plasma_trainer.envs.variants.suites import SUITES
from plasma_trainer.envs.variants.wrap import with_faults

__all__ = ["SUITES", "Fault", "check_variant", "parse", "with_faults"]
