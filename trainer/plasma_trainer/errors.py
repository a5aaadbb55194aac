# SPDX-License-Identifier: Apache-2.0
"""Everything the trainer raises on purpose.

    TrainerError
    ├── UsageError (ValueError)               the caller asked for something that cannot be done
    ├── RunMismatchError                      a run directory holds another experiment than the one asked for
    ├── NoPlanError                           every plan that was imagined is forbidden
    ├── UselessAdapterError                   an adapter has nothing to mend, mends nothing, or failed its audit
    └── MissingDependencyError (ImportError)  an optional library is not installed

A message says what was found, what was expected, and what to do.
"""

from __future__ import annotations


class TrainerError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(TrainerError, ValueError):
    """The caller asked for something that cannot be done."""


class RunMismatchError(TrainerError):
    """A run directory holds another experiment than the one asked for."""


class NoPlanError(TrainerError):
    """Every plan that was imagined is forbidden."""


class UselessAdapterError(TrainerError):
    """An adapter has nothing to mend, mends nothing, or failed its audit."""


class MissingDependencyError(TrainerError, ImportError):
    """An optional library is not installed."""
