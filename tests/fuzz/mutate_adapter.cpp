// SPDX-License-Identifier: Apache-2.0
// mutate_adapter.cpp -- for fuzz_adapter: the sections of an adapter of its base.
#include "mutate_sections.hpp"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  using namespace plasma::test;
  return mutate_sections(data, size, most, seed, [](Dice& dice) {
    return adapter_for(sample::program(), dice.bits(), dice.below(2) == 0).sections();
  });
}
