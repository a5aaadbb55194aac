// SPDX-License-Identifier: Apache-2.0
// mutate_adapter.cpp -- for fuzz_adapter: the sections of an adapter of its base, now and
// then of more rank than a slot has room for.
#include "mutate_sections.hpp"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  using namespace plasma::test;
  return mutate_sections(data, size, most, seed, [](Dice& dice) {
    ProgramBuilder base = sample::program();
    for (SlotSpec& slot : base.slots) slot.max_rank += dice.below(3) == 0 ? 2 : 0;
    return adapter_for(base, dice.bits(), dice.below(2) == 0).sections();
  });
}
