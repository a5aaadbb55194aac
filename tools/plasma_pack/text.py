# SPDX-License-Identifier: Apache-2.0
"""Words of the text form (`.pasm`): tokens of one line, numbers that come back bit for bit, quoted
strings.

cpp/vm/ISA.md, section 7 has the grammar.
"""

from __future__ import annotations

import re

import numpy as np

from .errors import AssemblyError
from .program import Array, DType

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[,=@:\[\]]|[^\s,=@:\[\]";]+')
_CODE = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*"?)*')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NUMBER = re.compile(r"[+-]?\.?[0-9]")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\(.)")
_BITS = {DType.F16: np.dtype("<u2"), DType.F32: np.dtype("<u4")}


class Line:
    """A cursor over the tokens of one line; every complaint names the line."""

    def __init__(self, number: int, source: str) -> None:
        self.number = number
        code = _without_comment(source)
        self.tokens = _TOKEN.findall(code)
        self.at = 0
        rest = _TOKEN.sub("", code).strip()
        if rest:
            raise self.error(f"cannot read {rest[:20]!r}")

    def error(self, message: str) -> AssemblyError:
        return AssemblyError(f"line {self.number}: {message}")

    @property
    def is_done(self) -> bool:
        return self.at == len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, what: str) -> str:
        if self.is_done:
            raise self.error(f"ends where {what} was expected")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, token: str) -> None:
        found = self.take(f"{token!r}")
        if found != token:
            raise self.error(f"found {found!r}, expected {token!r}")

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def name(self) -> str:
        found = self.take("a name")
        if not _NAME.fullmatch(found):
            raise self.error(f"found {found!r}, expected a name")
        return found

    def string(self) -> str:
        found = self.take("a quoted string")
        if not found.startswith('"'):
            raise self.error(f'found {found!r}, expected a string in "quotes"')
        return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], found[1:-1])

    def integer(self) -> int:
        found = self.take("a whole number")
        try:
            return int(found, 0)
        except ValueError:
            raise self.error(f"found {found!r}, expected a whole number") from None

    def is_number(self) -> bool:
        return bool(_NUMBER.match(self.peek()))

    def number_as(self, dtype: DType) -> np.generic:
        """One number as an element of dtype; `0x…` gives the bits of a float."""
        found = self.take("a number")
        try:
            return parse_number(found, dtype)
        except (ValueError, OverflowError):
            raise self.error(f"found {found!r}, expected a number that fits {dtype.text}") from None

    def numbers(self, dtype: DType) -> list[np.generic]:
        found = []
        while self.is_number():
            found.append(self.number_as(dtype))
        return found


def parse_number(text: str, dtype: DType) -> np.generic:
    """Raises ValueError or OverflowError when the text is not an element of dtype."""
    if dtype in _BITS and text.lower().startswith("0x"):
        return _from_bits(int(text, 16), dtype)
    if dtype in _BITS:
        with np.errstate(over="ignore"):
            value = np.asarray(float(text)).astype(dtype.numpy)[()]
        if not np.isfinite(value):
            raise OverflowError(text)
        return value
    return np.array(int(text, 0), dtype=dtype.numpy)[
        ()
    ]  # numpy 2 raises OverflowError when it does not fit


def _from_bits(bits: int, dtype: DType) -> np.generic:
    return np.array(bits, _BITS[dtype]).view(dtype.numpy)[()]


def format_number(value: np.generic, dtype: DType) -> str:
    """The shortest text that parses back to the same bits."""
    if dtype not in _BITS:
        return str(int(value))
    for text in (_shortest(value), repr(float(value))):
        if np.isfinite(value) and parse_number(text, dtype).tobytes() == value.tobytes():
            return text
    return f"0x{int(np.asarray(value).view(_BITS[dtype])[()]):0{2 * dtype.numpy.itemsize}x}"


def _shortest(value: np.generic) -> str:
    text = np.format_float_scientific(value, unique=True, trim="-", exp_digits=1).replace("e+", "e")
    plain = np.format_float_positional(value, unique=True, trim="-")
    return plain if len(plain) <= len(text) + 2 else text


def format_numbers(values: Array, dtype: DType) -> str:
    return " ".join(format_number(value, dtype) for value in values.reshape(-1))


def quote(text: str) -> str:
    """A string in quotes; what is not printable ASCII becomes \\x.."""
    inside = "".join(
        f"\\{c}" if c in '"\\' else c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text
    )
    return f'"{inside}"'


def is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def _without_comment(source: str) -> str:
    match = _CODE.match(source)
    return match[0] if match else ""
