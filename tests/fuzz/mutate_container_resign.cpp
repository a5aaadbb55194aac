// SPDX-License-Identifier: Apache-2.0
// mutate_container_resign.cpp -- for fuzz_container_resign: bases, and adapters of the sample base.
#include "mutate_packet.hpp"
#include "random_program.hpp"

namespace plasma::test {
namespace {

PacketSpec fresh(Dice& dice) {
  if (dice.below(3) == 0) return sample_adapter();
  PacketSpec spec = sample_base();
  if (dice.below(2) == 0) return spec;
  const uint64_t bits = dice.bits();
  std::array<uint8_t, sizeof bits> bytes;
  std::memcpy(bytes.data(), &bits, sizeof bits);
  Choices choices(bytes.data(), bytes.size());
  spec.sections = specs_of(random_program(choices).sections());
  return spec;
}

}  // namespace
}  // namespace plasma::test

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  return plasma::test::mutate_packet(data, size, most, seed, plasma::test::fresh);
}
