"""make mutants breaks every check: none hides from it in another file or another form."""

from __future__ import annotations

import re

import pytest

from tests.mutants import schemata
from tests.mutants.checks import FAIL, Checks
from tests.mutants.equivalent import listed
from tests.mutants.source import Source

# What else refuses: not what a packet is, but what is done with a policy, and memory.
NOT_CHECKED = {
    "cpp/runtime/board.cpp",
    "cpp/runtime/c_api.cpp",
    "cpp/runtime/policy.cpp",
    "cpp/vm/model.cpp",
    "cpp/vm/plan.cpp",
    "cpp/vm/tick.cpp",
}
SAMPLE = """
Error check_size(const Header& header, const Limits& limits) noexcept {
  if (header.size < 1 || (header.kind == 2 && !limits.open)) return fail(Status::Limit, "size");
  if (Error error = check_kind(header)) return error;
  note(header);
  switch (header.kind) {
    case 3: return fail(Status::Kind, "kind");
    default: break;
  }
  return check_end(header);
}
"""


def broken_in(text: str) -> list[tuple[str, str]]:
    return [(m.kind, m.text) for m in Checks(Source("sample.cpp", text)).mutants]


def test_every_form_of_a_check_is_broken() -> None:
    condition = "header.size < 1 || (header.kind == 2 && !limits.open)"
    inner = "header.kind == 2 && !limits.open"
    assert broken_in(SAMPLE) == [
        ("never", condition),
        ("always", condition),
        ("without", f"header.size < 1 in {condition}"),
        ("shifted", "header.size < 1"),
        ("without", f"({inner}) in {condition}"),
        ("without", f"header.kind == 2 in {inner}"),
        ("without", f"!limits.open in {inner}"),
        ("ignored", "check_kind(header)"),
        ("negated", "check_kind(header)"),
        ("dropped", "note(header);"),
        ("ignored", "check_end(header)"),
        ("negated", "check_end(header)"),
        ("ignored", 'fail(Status::Kind, "kind")'),
    ]


def test_tables_of_limits_are_broken_field_by_field() -> None:
    rows = "constexpr Rule kRules[] = {{Section::Io, 6'144, kBase, 0}, {Section::Gold, 8, 3, 3}};"
    assert [(kind, text.split(" in ")[0]) for kind, text in broken_in(rows)] == [
        ("raised", "1: 6'144"),
        ("lowered", "1: 6'144"),
        ("filled", "2: kBase"),
        ("emptied", "2: kBase"),
        ("filled", "3: 0"),
        ("raised", "1: 8"),
        ("lowered", "1: 8"),
        ("filled", "2: 3"),
        ("emptied", "2: 3"),
        ("filled", "3: 3"),
        ("emptied", "3: 3"),
    ]


def test_template_arguments_are_no_comparisons() -> None:
    text = "bool fits(Bytes b) noexcept { return b.take<4>() == std::array<uint8_t, 4>{}; }"
    assert {kind for kind, _ in broken_in(text)} == {"never", "always"}


def test_all_mutants_of_a_file_lie_in_one_copy() -> None:
    copy = schemata.rewritten(Checks(Source("sample.cpp", SAMPLE)), 5)
    assert (
        "if (::plasma::mutant::held(5, bool(::plasma::mutant::never(7, "
        "bool(::plasma::mutant::less(8, header.size , 1))) || ::plasma::mutant::never(9, "
        "bool((::plasma::mutant::always(10, bool(header.kind == 2)) && "
        "::plasma::mutant::always(11, bool(!limits.open)))))))) return fail(" in copy
    )
    assert "case 3: return ::plasma::mutant::forgiven(17, fail(" in copy


@pytest.mark.parametrize("path", schemata.checked_files())
def test_every_refusal_belongs_to_a_mutant(path: str) -> None:
    checks = schemata.checks_of(path)
    code = re.sub(r"//[^\n]*", "", checks.source.text)
    declared = len(re.findall(r"^Error wrong\(", code, re.MULTILINE))
    assert len(checks.failures) == len(FAIL.findall(code)) - declared
    broken = [wrap.part for wrap in checks.wraps if wrap.mutants]
    for failure in checks.failures:
        is_guarded = any(failure.start in then for then in checks.guarded)
        is_broken = any(failure.start in part for part in broken)
        question = max((i for i in range(failure.start) if checks.source[i] == "?"), default=0)
        is_chosen = checks.source[failure.start - 1] in {"?", ":"} and any(
            part.stop == question for part in broken
        )
        assert is_guarded or is_broken or is_chosen, f"{path}:{checks.source.line(failure.start)}"


def test_no_file_refuses_unseen() -> None:
    refusing = {
        path
        for path in schemata.tracked("cpp/base", "cpp/packet", "cpp/vm", "cpp/runtime")
        if FAIL.search((schemata.ROOT / path).read_text(encoding="utf-8"))
    }
    assert refusing - set(schemata.checked_files()) == NOT_CHECKED


def test_every_equivalent_mutant_exists_and_has_a_reason() -> None:
    mutants = [m for path in schemata.checked_files() for m in schemata.checks_of(path).mutants]
    for entry in listed():
        covered = sorted(mutant.kind for mutant in mutants if entry.covers(mutant))
        assert covered == sorted(entry.kinds), entry
        assert len(entry.reason) > 20
