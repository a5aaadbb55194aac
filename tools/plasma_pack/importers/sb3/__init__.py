# SPDX-License-Identifier: Apache-2.0
"""Policies of Stable-Baselines3: a zip in, operations out; neither torch nor SB3 is needed."""
