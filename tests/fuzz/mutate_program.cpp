// SPDX-License-Identifier: Apache-2.0
// mutate_program.cpp -- for fuzz_program: the sections of a base.
#include "mutate_sections.hpp"
#include "random_program.hpp"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  using namespace plasma::test;
  return mutate_sections(data, size, most, seed, [](Dice& dice) {
    const uint64_t bits = dice.bits();
    std::array<uint8_t, sizeof bits> bytes;
    std::memcpy(bytes.data(), &bits, sizeof bits);
    Choices choices(bytes.data(), bytes.size());
    return random_program(choices).sections();
  });
}
