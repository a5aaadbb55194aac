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

}  // namespace plasma::test
