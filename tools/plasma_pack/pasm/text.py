# SPDX-License-Identifier: Apache-2.0
"""Words of the text form (`.pasm`): tokens of a line, strings, numbers that come back bit for bit.

cpp/vm/ISA.md, section 7 has the grammar.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from plasma_pack.errors import AssemblyError
from plasma_pack.program.program import Array, DType

_CODE = re.compile(r'(?:[^";]|"(?:[^"\\]|\\.)*"?)*')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[,=@:\[\]]|[^\s,=@:\[\]";]+')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NUMBER = re.compile(r"[+-]?\.?[0-9]")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\(.)")
_BITS: dict[DType, Any] = {DType.F16: np.uint16, DType.F32: np.uint32}


class Line:
    """A cursor over the tokens of one line; every complaint names the line."""

    def __init__(self, number: int, source: str) -> None:
        self._number = number
        match = _CODE.match(source)
        code = match[0] if match else ""
        self._tokens: list[str] = _TOKEN.findall(code)
        self._at = 0
        rest = _TOKEN.sub("", code).strip()
        if rest:
            raise self.error(f"cannot read {rest[:20]!r}")

    def error(self, message: str) -> AssemblyError:
        return AssemblyError(f"line {self._number}: {message}")

    @property
    def is_done(self) -> bool:
        return self._at == len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def take(self, what: str) -> str:
        if self.is_done:
            raise self.error(f"ends where {what} was expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def expect(self, token: str) -> None:
        found = self.take(repr(token))
        if found != token:
            raise self.error(f"found {found!r}, expected {token!r}")

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self._at += 1
        return True

    def name(self) -> str:
        found = self.take("a name")
        if not is_name(found):
            raise self.error(f"found {found!r}, expected a name")
        return found

    def string(self) -> str:
        found = self.take("a quoted string")
        if not found.startswith('"'):
            raise self.error(f'found {found!r}, expected a string in "quotes"')
        return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else str(m[2]), found[1:-1])

    def integer(self) -> int:
        found = self.take("a whole number")
        try:
            return int(found, 0)
        except ValueError:
            raise self.error(f"found {found!r}, expected a whole number") from None

    def is_number(self) -> bool:
        return bool(_NUMBER.match(self.peek()))

    def number(self, dtype: DType) -> Any:
        """One number as an element (numpy scalar) of dtype; `0x…` gives the bits of a float."""
        found = self.take("a number")
        try:
            return parse_number(found, dtype)
        except (ValueError, OverflowError):
            raise self.error(f"found {found!r}, expected a number that fits {dtype.text}") from None

    def hexadecimal(self) -> bytes:
        """The rest of the line, as bytes."""
        words = self._tokens[self._at :]
        self._at = len(self._tokens)
        try:
            return bytes.fromhex("".join(words))
        except ValueError:
            raise self.error("expected bytes in hexadecimal after =") from None


def parse_number(text: str, dtype: DType) -> Any:
    """A numpy scalar of dtype. Raises ValueError or OverflowError when the text is not one."""
    bits = _BITS.get(dtype)
    if bits is None:
        return np.array(int(text, 0), dtype.numpy)[()]  # numpy 2 refuses what does not fit
    if text.lower().startswith("0x"):
        return np.array(int(text, 16), bits).view(dtype.numpy)[()]
    with np.errstate(over="ignore"):
        value = np.array(float(text)).astype(dtype.numpy)[()]
    if not np.isfinite(value):
        raise OverflowError(text)
    return value


def format_number(value: Any, dtype: DType) -> str:
    """The shortest text that parses back to the same bits. value: numpy scalar of dtype."""
    bits = _BITS.get(dtype)
    if bits is None:
        return str(int(value))
    if np.isfinite(value):
        for text in (_shortest(value), repr(float(value))):
            if parse_number(text, dtype).tobytes() == value.tobytes():
                return text
    return f"0x{int(np.array(value).view(bits)[()]):0{2 * dtype.numpy.itemsize}x}"


def format_numbers(values: Array, dtype: DType) -> str:
    return " ".join(format_number(value, dtype) for value in values.reshape(-1))


def quote(text: str) -> str:
    """A string in quotes; what is not printable ASCII becomes \\x.."""
    shown = (
        f"\\{char}" if char in '"\\' else char if " " <= char <= "~" else f"\\x{ord(char):02x}"
        for char in text
    )
    return f'"{"".join(shown)}"'


def is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def _shortest(value: Any) -> str:
    plain = np.format_float_positional(value, unique=True, trim="-")
    scientific = np.format_float_scientific(value, unique=True, trim="-", exp_digits=1)
    return plain if len(plain) <= len(scientific) + 2 else scientific
