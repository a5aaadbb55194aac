# SPDX-License-Identifier: Apache-2.0
"""The container: bytes, keys and signatures (cpp/packet/FORMAT.md)."""
