# SPDX-License-Identifier: Apache-2.0
"""A school for agents that own nothing: jobs that train, a registry of packets, and an HTTP API to both.

The server knows no torch. A job is a row, its work a subprocess of `plasma-train` in a directory of its own, and
whatever is killed at any moment, the next worker goes on from the last finished round.
"""
