"""Finds the checks in a source and says how each can be broken.

never, always    a condition held false, held true: a check deleted, or refusing everything
without          one operand of || or && left out
shifted          a comparison moved by one: < for <=, and so on
ignored          what a called check answers, or a failure that no condition guards, taken for Ok
negated          a called check refuses what it should accept, and accepts the rest
dropped          a call whose effect is all it is for, left out
raised, lowered  a number in a table of limits, or a bound given to a check, one more or one less
emptied, filled  a set of bits in such a table
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .source import Source

_SHIFTED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_COMPARISONS = {*_SHIFTED, "==", "!="}
# Makes an Error; `wrong` is root.cpp's own.
FAIL = re.compile(r"\b(?:fail(?:_\w+)?|wrong)(?=\()")
_PLAIN = {"Error", "error", "error_", "{", "true", "false"}
# Tables of limits and calls that take limits: which of their fields are numbers, and which bits.
_TABLES = {"Rule": (range(1, 2), range(2, 4)), "TableRule": (range(2, 4), range(0))}
_BOUNDED_CALLS = {"check_range": range(2, 4)}
_EXTREMES = {"min": "boundless", "max": "groundless"}
_BEFORE_STATEMENT = {";", "{", "}", ")", ":", "else"}
_BEFORE_CONDITION = {"(", "[", ",", ";", "{", "=", "return", ":", "?"}


@dataclass(frozen=True)
class Mutant:
    """One way to break one check. It is known by everything but its line."""

    path: str
    function: str
    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Wrap:
    """Code to put before and behind a part of a source; '#' stands for the number of the first mutant."""

    part: range
    before: str
    behind: str
    mutants: tuple[Mutant, ...]
    instead: tuple[int, str] | None = None  # a token, and what takes its place


class Checks:
    """Every way to break a check of one source, in the order of the file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.wraps: list[Wrap] = []
        self.guarded: list[range] = []  # what is reached only when a condition found here allows it
        self.failures = [
            range(i, source.partner[i + 1] + 1)
            for i in range(len(source.tokens))
            if self._is_failure(i) and source.function_at(i)
        ]
        for index in range(len(source.tokens)):
            self._look_at(index)
        for failure in self.failures:
            self._failure(failure)

    @property
    def mutants(self) -> list[Mutant]:
        return [mutant for wrap in self.wraps for mutant in wrap.mutants]

    def _is_failure(self, index: int) -> bool:
        return bool(FAIL.match(self.source.text, self.source.tokens[index].start))

    def _look_at(self, index: int) -> None:
        source = self.source
        here = source[index]
        if here in _TABLES and source[index - 1] == "constexpr":
            self._table(index)
        if source.function_at(index) is None:
            return
        if here == "if" and source[index + 1] == "(":
            self._if(index)
        elif here == "return":
            self._return(range(index + 1, source.end_of_statement(index + 1) - 1))
        elif here == "Error" and source[index + 2] == "=" and source[index - 1] != "(":
            self._called(range(index + 3, source.end_of_statement(index) - 1))
        elif here == "bool" and source[index + 2] == "=":
            self._condition(range(index + 3, source.end_of_statement(index) - 1))
        elif here == "=" and source[index - 2] != "bool":
            part = range(index + 1, source.end_of_statement(index + 1) - 1)
            if any(source[i] in {"||", "&&"} for i in source.top(part)):
                self._condition(part)
        elif here == "?" and not any(index in part for part in self.failures):
            start = self._start_of_condition(index)
            self._condition(range(start, index), range(start, self._end_of_choice(index)))
        elif here in _EXTREMES and source[index - 1] == "::":
            self._extreme(index)
        elif here in _BOUNDED_CALLS and source[index - 1] != "Error":
            self._bounds(index)
        elif source.tokens[index].kind == "name" and source[index + 1] == "(":
            if not self._is_failure(index):
                self._call(index)
            if here == "require":
                inside = range(index + 2, source.partner[index + 1])
                self._operands(source.split(inside, ",")[0])

    def _if(self, index: int) -> None:
        source = self.source
        close = source.partner[index + 1]
        part = range(index + 2, close)
        if source[part.start] == "Error":
            self._called(range(part.start + 3, close))
        else:
            self._condition(part)
        self.guarded.append(range(close + 1, source.end_of_statement(close + 1)))

    def _return(self, part: range) -> None:
        source = self.source
        if len(part) == 0:
            return
        function = source.function_at(part.start)
        if arms := self._arms(part):
            for arm in arms:
                self._return(arm)
        elif source[part.start] in _PLAIN or self._is_failure(part.start):
            return
        elif function is not None and function.returns == "Error":
            if source[part.stop - 1] == ")":
                self._called(part)
        elif (function is not None and function.returns == "bool") or self._decides(part):
            self._condition(part)

    def _decides(self, part: range) -> bool:
        """By the look of it, whatever the function it is in returns."""
        source = self.source
        operators = [i for i in source.top(part) if source.tokens[i].is_binary]
        logical = {"||", "&&", *_COMPARISONS}
        return source[part.start] == "!" or any(source[i] in logical for i in operators)

    def _arms(self, part: range) -> list[range]:
        """Of a ?: what is behind its condition, which is found at its '?'."""
        source = self.source
        branch = next((i for i in source.top(part) if source[i] == "?"), None)
        if branch is None:
            return []
        other = next(i for i in source.top(range(branch, part.stop)) if source[i] == ":")
        return [range(branch + 1, other), range(other + 1, part.stop)]

    def _start_of_condition(self, index: int) -> int:
        source = self.source
        opening = {close: start for start, close in source.partner.items()}
        while source[index - 1] not in _BEFORE_CONDITION:
            index = opening.get(index - 1, index - 1)
        return index

    def _end_of_choice(self, index: int) -> int:
        """Behind the second arm of a ?."""
        source = self.source
        rest = source.top(range(index, len(source.tokens)))
        return next(i for i in rest if source[i] in {",", ";", ")", "]", "}"})

    def _condition(self, part: range, whole: range | None = None) -> None:
        if len(part) == 1 and self.source[part.start] in {"true", "false"}:
            return
        self._add(part, "::plasma::mutant::held(#, bool(", "))", ("never", "always"), whole=whole)
        self._operands(part)

    def _operands(self, part: range) -> None:
        """Takes a condition apart."""
        source = self.source
        if arms := self._arms(part):
            for arm in arms:
                self._operands(arm)
            return
        for mark, neutral in (("||", "never"), ("&&", "always")):
            operands = source.split(part, mark)
            if len(operands) == 1:
                continue
            for operand in operands:
                self._add(
                    operand, f"::plasma::mutant::{neutral}(#, bool(", "))", ("without",), whole=part
                )
                self._operands(operand)
            return
        if source[part.start] == "!":
            self._operands(range(part.start + 1, part.stop))
        elif source[part.start] == "(" and source.partner[part.start] == part.stop - 1:
            self._operands(range(part.start + 1, part.stop - 1))
        else:
            self._comparison(part)

    def _comparison(self, part: range) -> None:
        source = self.source
        operator = next(
            (
                i
                for i in source.top(part)
                if source[i] in _COMPARISONS and source.tokens[i].is_binary
            ),
            None,
        )
        if operator is None:
            return
        if source[operator] in _SHIFTED:
            name = {"<": "less", "<=": "at_most", ">": "more", ">=": "at_least"}[source[operator]]
            self._add(
                part, f"::plasma::mutant::{name}(#, ", ")", ("shifted",), instead=(operator, ",")
            )
        for side in (range(part.start, operator), range(operator + 1, part.stop)):
            if source[side.start] == "(" and source.partner[side.start] == side.stop - 1:
                self._operands(side)

    def _extreme(self, index: int) -> None:
        source = self.source
        start = next(i for i in range(index, len(source.tokens)) if source[i] == "(")
        whole = range(index, source.partner[start] + 1)
        for operand in source.split(range(start + 1, whole.stop - 1), ","):
            call = f"::plasma::mutant::{_EXTREMES[source[index]]}(#, "
            self._add(operand, call, ")", ("without",), whole=whole)

    def _called(self, part: range) -> None:
        self._add(part, "::plasma::mutant::answer(#, ", ")", ("ignored", "negated"))

    def _call(self, index: int) -> None:
        """A statement that is nothing but a call."""
        source = self.source
        stop = source.partner[index + 1] + 1
        before = source.tokens[index - 1]
        if before.text not in _BEFORE_STATEMENT or source[stop] != ";":
            return
        if before.text == ":" and before.is_binary:  # of a ?, not of a label
            return
        if source[index] not in {"if", "for", "while", "switch", "return", "static_assert"}:
            self._add(
                range(index, stop + 1), "{ if (::plasma::mutant::kept(#)) ", " }", ("dropped",)
            )

    def _table(self, index: int) -> None:
        """The rows behind a type whose objects are limits. What asks at run time is no constant expression."""
        self._add(range(index - 1, index), "", "", (), instead=(index - 1, "const"))
        numbers, bits = _TABLES[self.source[index]]
        for row in self._rows(index):
            whole = range(row, self.source.partner[row] + 1)
            for number, field in enumerate(self.source.split(whole[1:-1], ",")):
                if number in numbers:
                    self._bound(field, number, whole)
                elif number in bits:
                    self._bits(field, number, whole)

    def _rows(self, index: int) -> Iterator[int]:
        source = self.source
        start = next(i for i in range(index, len(source.tokens)) if source[i] == "{")
        inner = [i for i in source.top(range(start + 1, source.partner[start])) if source[i] == "{"]
        yield from inner if source[start + 1] == "{" else [start]

    def _bounds(self, index: int) -> None:
        source = self.source
        call = range(index, source.partner[index + 1] + 1)
        for number, argument in enumerate(source.split(call[2:-1], ",")):
            if number in _BOUNDED_CALLS[source[index]]:
                self._bound(argument, number, call)

    def _bound(self, part: range, number: int, whole: range) -> None:
        """Nothing is less than 0, and what stands for 'no bound' is none."""
        if self.source.words(part) in {"0", "UINT32_MAX", "kDeviceCap"}:
            return
        kinds = ("raised", "lowered")
        self._add(part, "::plasma::mutant::bound(#, ", ")", kinds, number=number, whole=whole)

    def _bits(self, part: range, number: int, whole: range) -> None:
        kinds = ("filled",) if self.source.words(part) == "0" else ("filled", "emptied")
        call = f"::plasma::mutant::{kinds[-1]}(#, "
        self._add(part, call, ")", kinds, number=number, whole=whole)

    def _failure(self, part: range) -> None:
        """One that no condition guards is an answer itself."""
        if self.source[part.start - 1] in {"?", ":"}:
            return
        if not any(part.start in guarded for guarded in self.guarded):
            self._add(part, "::plasma::mutant::forgiven(#, ", ")", ("ignored",))

    def _add(
        self,
        part: range,
        before: str,
        behind: str,
        kinds: tuple[str, ...],
        *,
        instead: tuple[int, str] | None = None,
        whole: range | None = None,
        number: int | None = None,
    ) -> None:
        source = self.source
        function = source.function_at(part.start)
        text = source.words(part)
        if number is not None:  # two fields may read the same
            text = f"{number}: {text}"
        if whole is not None:
            text += f" in {source.words(whole)}"
        mutants = tuple(
            Mutant(
                source.path, function.name if function else "", kind, text, source.line(part.start)
            )
            for kind in kinds
        )
        self.wraps.append(Wrap(part, before, behind, mutants, instead))
