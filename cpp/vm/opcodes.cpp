// SPDX-License-Identifier: Apache-2.0
// opcodes.cpp -- opcodes.def as a table that code can look things up in.
#include "vm/program.hpp"

namespace plasma::vm {
namespace {

constexpr bool InPlace = true;
constexpr bool Apart = false;

constexpr OpcodeRow kRows[] = {
#define PLASMA_OP(code, name, text, required, optional, immediates, cost, place) \
  {Opcode::name, #name, text, required, optional, immediates, cost, place},
#include "vm/opcodes.def"
#undef PLASMA_OP
};

}  // namespace

std::span<const OpcodeRow> opcode_rows() noexcept { return kRows; }

const OpcodeRow* find_opcode(uint16_t code) noexcept {
  for (const OpcodeRow& row : kRows) {
    if (static_cast<uint16_t>(row.opcode) == code) return &row;
  }
  return nullptr;
}

}  // namespace plasma::vm
