// SPDX-License-Identifier: Apache-2.0
// arena_layout.hpp -- gives the arena tensors of a program offsets that keep rule 10 of ISA.md.
#pragma once

#include <algorithm>
#include <map>

#include "choices.hpp"
#include "program_builder.hpp"

namespace plasma::test {

class ArenaLayout {
 public:
  ArenaLayout(ProgramBuilder& program, Choices& choices) : p_(program), choices_(choices) {
    for (size_t i = 0; i < p_.instructions.size(); ++i) {
      for (const uint16_t operand : p_.instructions[i].in) last_read_[operand] = i;
    }
  }

  void place_all() {
    for (size_t i = 0; i < p_.instructions.size(); ++i) place(i);
  }

 private:
  [[nodiscard]] bool is_arena(uint16_t tensor) const {
    return p_.tensors[tensor].storage == Storage::Arena;
  }
  [[nodiscard]] uint64_t begin(uint16_t tensor) const { return *p_.tensors[tensor].offset; }
  [[nodiscard]] uint64_t end(uint16_t tensor) const {
    return begin(tensor) + p_.tensors[tensor].bytes();
  }

  void place(size_t i) {
    const InstructionSpec& instruction = p_.instructions[i];
    const auto dies = [&](uint16_t operand) {
      return is_arena(operand) && last_read_[operand] == i;
    };
    if (is_arena(instruction.out)) {
      const uint16_t y = instruction.out;
      const vm::OpcodeRow* row = vm::find_opcode(static_cast<uint16_t>(instruction.opcode));
      for (const uint16_t x : instruction.in) {
        const bool may = row->in_place && dies(x) && p_.tensors[x].bytes() == p_.tensors[y].bytes();
        if (!may || p_.tensors[y].offset || choices_.one_in(3)) continue;
        p_.tensors[y].offset = p_.tensors[x].offset;
        std::erase(live_, x);
      }
      if (!p_.tensors[y].offset) p_.tensors[y].offset = free_place(p_.tensors[y].bytes());
      live_.push_back(y);
    }
    for (const uint16_t x : instruction.in) {
      if (dies(x)) std::erase(live_, x);
    }
  }

  // The first place that nothing alive holds, or one behind everything alive, now and then with a
  // gap before it.
  uint32_t free_place(uint64_t bytes) {
    std::sort(live_.begin(), live_.end(),
              [&](uint16_t a, uint16_t b) { return begin(a) < begin(b); });
    const auto gap = static_cast<uint32_t>(choices_.coin() ? 0 : 4 * choices_.within(1, 20));
    const bool at_the_end = choices_.one_in(3);
    uint64_t place = gap;
    for (const uint16_t other : live_) {
      if (!at_the_end && place + bytes <= begin(other)) break;
      place = std::max(place, end(other) + gap);
    }
    return static_cast<uint32_t>(place);
  }

  ProgramBuilder& p_;
  Choices& choices_;
  std::map<uint16_t, size_t> last_read_;
  std::vector<uint16_t> live_;
};

inline void lay_out_arena(ProgramBuilder& program, Choices& choices) {
  ArenaLayout(program, choices).place_all();
}

}  // namespace plasma::test
