// SPDX-License-Identifier: Apache-2.0
// fuzz_interp_diff.cpp -- programs of the fuzzer's choice that keep every rule: the validator must
// accept them, and every kernel table must fly them alike. One in eight is then changed somewhere.
#include "flight.hpp"
#include "program_bytes.hpp"
#include "random_program.hpp"
#include "section_changes.hpp"

namespace plasma::test {
namespace {

void try_adapter(const ProgramBuilder& builder, const vm::Program& program, Choices& choices) {
  const Sections sections = adapter_for(builder, choices.word(), choices.coin()).sections();
  vm::AdapterProgram adapter;
  require(!vm::validate_adapter(program, adapter_image_of(sections), adapter),
          "an adapter that keeps the rules is accepted");
  fly(program, choices, {&adapter});
}

void try_program(Choices& choices) {
  const bool is_changed = choices.one_in(8);
  const ProgramBuilder builder = random_program(choices);
  Sections sections = builder.sections();
  Dice dice{choices.word()};
  if (is_changed) change(dice, sections);
  vm::Program program;
  const Error error = vm::validate(image_of(sections), program);
  if (error) {
    if (!is_changed) std::fprintf(stderr, "%s %s\n", status_code(error.status), error.where);
    return require(is_changed, "a program that keeps the rules is accepted");
  }
  if (!fits(program.certificate)) return;
  if (is_changed || builder.slots.empty() || choices.coin()) return fly(program, choices);
  try_adapter(builder, program, choices);
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ++plasma::test::tally.behind_signature;
  plasma::test::Choices choices(data, size);
  plasma::test::try_program(choices);
  return 0;
}
