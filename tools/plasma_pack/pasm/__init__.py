# SPDX-License-Identifier: Apache-2.0
"""The text form of programs and adapters (cpp/vm/ISA.md, section 7)."""
