# SPDX-License-Identifier: Apache-2.0
"""Experiments, start to end: train, adapt, audit, evaluate, export."""
