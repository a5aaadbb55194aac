# SPDX-License-Identifier: Apache-2.0
"""A program as records, and its sections as bytes (cpp/vm/ISA.md, section 1)."""
