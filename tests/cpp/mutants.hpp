// SPDX-License-Identifier: Apache-2.0
// mutants.hpp -- a table of programs that are wrong in one way, each with the error it must get.
#pragma once

#include <doctest/doctest.h>

#include "sample_programs.hpp"

namespace plasma::test {

inline std::string code_of(const Sections& sections) { return status_code(verdict_of(sections)); }
inline std::string code_of(const ProgramBuilder& builder) { return code_of(builder.sections()); }

// What is wrong, the error (Ok: nothing is, this is the right side of a boundary), and how.
struct Mutant {
  const char* what;
  Status expected;
  void (*change)(ProgramBuilder& program);
};

template <size_t N>
void check(const Mutant (&mutants)[N]) {
  for (const Mutant& mutant : mutants) {
    INFO(std::string(mutant.what));
    ProgramBuilder program = sample::program();
    mutant.change(program);
    CHECK(code_of(program) == std::string(status_code(mutant.expected)));
  }
}

// The verdict on a program with one change.
inline std::string after(const ProgramBuilder& program, void (*change)(ProgramBuilder&)) {
  ProgramBuilder p = program;
  change(p);
  return code_of(p);
}

// The same, immediate i of its first instruction being `value`.
inline std::string with_immediate(const ProgramBuilder& program, size_t i, float value) {
  ProgramBuilder p = program;
  (i == 0 ? p.instructions[0].imm : p.instructions[0].more[i - 1]) = value;
  return code_of(p);
}

}  // namespace plasma::test
