# SPDX-License-Identifier: Apache-2.0
"""One module a peer. Each has NAME (its distribution), `contenders(net)`, and `first_call(net)`: what a user writes
first, with `threads` left at the default or set to one.

A peer is set up as its documentation advises for low latency as well as in the plain way; the fastest that is valid
counts.
"""
