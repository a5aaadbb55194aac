# SPDX-License-Identifier: Apache-2.0
"""From operations on vectors to a program: what importers grow, folded, narrowed and laid out."""
