// SPDX-License-Identifier: Apache-2.0
// section_changes.hpp -- one change at random to the tables of a program or an adapter.
#pragma once

#include "sample_programs.hpp"

namespace plasma::test {

// A value that a field might hold by mistake or on purpose.
inline uint64_t draw_value(Dice& dice, uint64_t old) {
  switch (dice.below(6)) {
    case 0: return old + 1;
    case 1: return old - 1;
    case 2: return old ^ (uint64_t{1} << dice.below(32));
    case 3: return dice.below(24);
    case 4: return dice.below(16) * 4;
    default: return dice.bits();
  }
}

// Overwrites a field of 1, 2 or 4 bytes, at a multiple of its size.
inline void change_field(Dice& dice, Blob& blob) {
  const size_t size = size_t{1} << dice.below(3);
  if (blob.size() < size) return;
  const size_t at = dice.below(blob.size() / size) * size;
  uint64_t old = 0;
  for (size_t i = size; i-- > 0;) old = old << 8 | blob[at + i];
  put(blob, at, draw_value(dice, old), size);
}

// Copies or swaps two records of a table.
inline void move_record(Dice& dice, Blob& blob, size_t record) {
  const size_t count = blob.size() / record;
  if (count < 2) return;
  const auto from = blob.begin() + static_cast<std::ptrdiff_t>(dice.below(count) * record);
  const auto to = blob.begin() + static_cast<std::ptrdiff_t>(dice.below(count) * record);
  const auto length = static_cast<std::ptrdiff_t>(record);
  if (dice.below(2) == 0) {
    if (from != to) std::copy(from, from + length, to);
  } else {
    std::swap_ranges(from, from + (from == to ? 0 : length), to);
  }
}

inline void change(Dice& dice, Sections& sections) {
  if (sections.empty()) return;
  auto part = sections.begin();
  std::advance(part, dice.below(sections.size()));
  Blob& blob = part->second;
  switch (dice.below(12)) {
    case 0: blob.resize(dice.below(blob.size() + 65)); break;
    case 1: move_record(dice, blob, dice.below(2) == 0 ? 32 : 64); break;
    default: change_field(dice, blob);
  }
}

}  // namespace plasma::test
