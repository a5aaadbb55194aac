// SPDX-License-Identifier: Apache-2.0
// mutate_root.cpp -- for fuzz_root: trust roots of two keys, and their successors.
#include "mutate_packet.hpp"
#include "root_writer.hpp"

namespace plasma::test {
namespace {

PacketSpec fresh(Dice& dice) {
  RootSpec root = root_of_alice_and_bob();
  if (dice.below(2) == 0) root.revoked = {Blob(32, 1), Blob(32, 2)};
  return (dice.below(2) == 0 ? root_of_alice_and_bob().successor() : root).packet();
}

}  // namespace
}  // namespace plasma::test

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  return plasma::test::mutate_packet(data, size, most, seed, plasma::test::fresh);
}
