// SPDX-License-Identifier: Apache-2.0
// mutate_sections.hpp -- how libFuzzer changes sections: field by field, record by record, one
// section as it would any bytes, or by starting afresh from some that keep the rules.
#pragma once

#include "program_bytes.hpp"
#include "section_changes.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace plasma::test {

inline void mutate_one(Dice& dice, Sections& sections) {
  if (sections.empty()) return;
  auto part = sections.begin();
  std::advance(part, dice.below(sections.size()));
  Blob& blob = part->second;
  const size_t size = blob.size();
  blob.resize(size + 64);
  blob.resize(LLVMFuzzerMutate(blob.data(), size, blob.size()));
}

inline size_t copy_out(const Sections& sections, uint8_t* data, size_t size, size_t most) {
  const Blob bytes = bytes_from(sections);
  if (bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

// `fresh` gives sections that keep the rules, by dice.
template <class Fresh>
size_t mutate_sections(uint8_t* data, size_t size, size_t most, unsigned seed, Fresh fresh) {
  Dice dice{seed};
  Sections sections = sections_from({data, size});
  if (sections.empty() || dice.below(50) == 0) sections = fresh(dice);
  for (uint32_t changes = 1 + dice.below(2); changes > 0; --changes) {
    dice.below(3) == 0 ? mutate_one(dice, sections) : change(dice, sections);
  }
  return copy_out(sections, data, size, most);
}

}  // namespace plasma::test
