# SPDX-License-Identifier: Apache-2.0
"""The peer benchmark, `make bench`: nine nets, every runtime that a robot could use instead, side by side.

Read `catalog` for the nets, `timing` for the method, `measure` for one comparison, `peers/` for how each peer is set
up, `results` for the file that it leaves.
"""
