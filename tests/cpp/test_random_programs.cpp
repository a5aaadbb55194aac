// SPDX-License-Identifier: Apache-2.0
// test_random_programs.cpp -- what the fuzz targets fly: programs at random that keep every rule.
#include <set>

#include "machine_rig.hpp"
#include "random_program.hpp"

namespace plasma::test {
namespace {

ProgramBuilder program_of(uint32_t number) {
  std::array<uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  Choices choices(bytes.data(), bytes.size());
  return random_program(choices);
}

}  // namespace

TEST_CASE("programs at random keep every rule, and use every opcode") {
  std::set<Opcode> used;
  int with_slots = 0, in_place = 0, with_states = 0, actuators = 0;
  for (uint32_t number = 0; number < 3'000; ++number) {
    const ProgramBuilder program = program_of(number);
    INFO("program " << number);
    REQUIRE(verdict_of(program) == Status::Ok);
    for (const InstructionSpec& instruction : program.instructions) {
      used.insert(instruction.opcode);
      for (const uint16_t x : instruction.in) {
        const TensorSpec &y = program.tensors[instruction.out], &from = program.tensors[x];
        in_place += y.storage == Storage::Arena && from.storage == Storage::Arena &&
                    y.offset == from.offset;
      }
    }
    for (const TensorSpec& tensor : program.tensors) {
      with_states += tensor.storage == Storage::State;
    }
    with_slots += !program.slots.empty();
    actuators += !program.safe.empty();
  }
  for (const vm::OpcodeRow& row : vm::opcode_rows()) {
    INFO("opcode: " << std::string(row.name));
    CHECK(used.count(row.opcode) == 1);
  }
  for (const int count : {with_slots, in_place, with_states, actuators}) CHECK(count > 100);
}

}  // namespace plasma::test
