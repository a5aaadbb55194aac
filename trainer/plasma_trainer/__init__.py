# SPDX-License-Identifier: Apache-2.0
"""plasma-trainer: learn a world model from a few real steps, train and audit policies inside it."""

__version__ = "0.1.0"
