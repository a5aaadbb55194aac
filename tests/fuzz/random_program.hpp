// SPDX-License-Identifier: Apache-2.0
// random_program.hpp -- a program of the fuzzer's choice that keeps every rule of ISA.md section 3.
#pragma once

#include "choices.hpp"
#include "program_builder.hpp"

namespace plasma::test {

// Instructions of any opcode, operands of shapes that fit, constants in bounds, arena tensors with
// gaps, in each other's places or anywhere: what the validator refuses of this is a mistake.
ProgramBuilder random_program(Choices& choices);

}  // namespace plasma::test
