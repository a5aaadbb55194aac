"""C++ as tokens, brackets and functions: as much of the language as finding checks needs.

The sources are formatted by clang-format, which answers what would need a compiler: an operator between spaces has two
operands, and a '<' without them opens template arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|^\#(?:[^\n]*\\\n)*[^\n]*)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])')
      | (?P<number>\.?\d(?:['.]?\w|[pPeE][+-])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<mark><<|>>|<=|>=|==|!=|&&|\|\||::|->|\+\+|--|[-+*/%&|^]=|.)""",
    re.VERBOSE | re.MULTILINE,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_WITH_BODY = {"if", "for", "while", "switch"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int
    is_binary: bool  # stands between spaces


@dataclass(frozen=True)
class Function:
    name: str
    returns: str  # the name before it: Error, bool, ...
    body: range


class Source:
    """The tokens of one file; a part of it is a range of their indices."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tokens = list(_tokens(text))
        self.partner = self._brackets()
        self.functions = list(self._functions())

    def __getitem__(self, index: int) -> str:
        """The text of one token; '' outside of the file."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def span(self, part: range) -> tuple[int, int]:
        """Where a part begins and ends in the text."""
        return self.tokens[part.start].start, self.tokens[part.stop - 1].end

    def words(self, part: range) -> str:
        """A part on one line, however it was broken."""
        start, end = self.span(part)
        code = re.sub(r"//[^\n]*", "", self.text[start:end])
        return re.sub(r"(?<=[(\[]) ", "", " ".join(code.split()))

    def line(self, index: int) -> int:
        return self.text.count("\n", 0, self.tokens[index].start) + 1

    def function_at(self, index: int) -> Function | None:
        """The innermost one around a token."""
        around = [function for function in self.functions if index in function.body]
        return min(around, key=lambda function: len(function.body), default=None)

    def top(self, part: range) -> Iterator[int]:
        """The tokens of a part that are in no brackets of it; of brackets, the opening one."""
        index = part.start
        while index < part.stop:
            yield index
            index = self.partner.get(index, index) + 1

    def split(self, part: range, mark: str) -> list[range]:
        """What the two-sided operator, or a comma, divides a part into."""
        cuts = [
            i
            for i in self.top(part)
            if self[i] == mark and (mark == "," or self.tokens[i].is_binary)
        ]
        starts = [part.start, *(cut + 1 for cut in cuts)]
        return [range(start, stop) for start, stop in zip(starts, [*cuts, part.stop], strict=True)]

    def end_of_statement(self, index: int) -> int:
        """The index after the statement that begins here: behind its ';' or its '}'."""
        if self[index] == "{":
            return self.partner[index] + 1
        if self[index] in _WITH_BODY:
            return self.end_of_statement(self.partner[index + 1] + 1)
        return next(i for i in self.top(range(index, len(self.tokens))) if self[i] == ";") + 1

    def _brackets(self) -> dict[int, int]:
        open_ones: list[int] = []
        partner: dict[int, int] = {}
        for index, token in enumerate(self.tokens):
            if token.text in _PAIRS:
                open_ones.append(index)
            elif open_ones and token.text == _PAIRS[self[open_ones[-1]]]:
                partner[open_ones.pop()] = index
        return partner

    def _functions(self) -> Iterator[Function]:
        opening = {close: start for start, close in self.partner.items()}
        for index in range(len(self.tokens)):
            before = index - 1
            while self[before] in {"noexcept", "const", "override"}:
                before -= 1
            if self[index] != "{" or self[before] != ")":
                continue
            name = opening[before] - 1
            if self.tokens[name].kind != "name" or self[name] in _WITH_BODY:
                continue
            returns = name - 1
            while self[returns] == "::":
                returns -= 2
            yield Function(self[name], self[returns], range(index, self.partner[index] + 1))


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "skip":
            continue
        start, end = match.span()
        is_binary = text[start - 1 : start].isspace() and text[end : end + 1].isspace()
        yield Token(kind, match.group(), start, end, is_binary)
