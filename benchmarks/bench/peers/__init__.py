# SPDX-License-Identifier: Apache-2.0
"""One module a peer. Each has `contenders(net)`; those that are more than arithmetic also `first_call(net, threads)`,
what a user writes first (threads: None leaves the default), and `adapter_ways(net)` where there is a way.

A peer is set up as its documentation advises for low latency as well as in the plain way; the fastest that is valid
counts.
"""
