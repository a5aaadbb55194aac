# SPDX-License-Identifier: Apache-2.0
"""What a Python object is, told by the names of its classes: nothing is imported to find out."""

from __future__ import annotations


def is_a(source: object, *classes: str) -> bool:
    """Whether it is of one of these classes, "package.name" each, whatever module defines it."""
    names = {f"{c.__module__.partition('.')[0]}.{c.__qualname__}" for c in type(source).__mro__}
    return not names.isdisjoint(classes)
