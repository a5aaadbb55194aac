// SPDX-License-Identifier: Apache-2.0
// mutate_program.cpp -- for fuzz_program: the sections of a base, a tensor of it resized now and
// then, with what follows from that made right: only the shape rules stand between it and a tick.
#include "mutate_sections.hpp"
#include "random_program.hpp"

namespace plasma::test {
namespace {

Sections fresh(Dice& dice) {
  const uint64_t bits = dice.bits();
  std::array<uint8_t, sizeof bits> bytes;
  std::memcpy(bytes.data(), &bits, sizeof bits);
  Choices choices(bytes.data(), bytes.size());
  return random_program(choices).sections();
}

// ISA.md, section 1: where a record has what.
constexpr size_t kRank = 1, kStorage = 2, kDims = 4, kOffset = 20;
constexpr size_t kIoDims = 40, kIoTensor = 56;

uint64_t number_at(const Blob& blob, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | blob[at + i];
  return value;
}
uint64_t bytes_at(const Blob& tensors, size_t tensor) {
  uint64_t bytes = 4;
  for (size_t i = 0; i < 4; ++i) bytes *= number_at(tensors, tensor + kDims + 4 * i, 4);
  return bytes;
}

// Inputs, outputs and states one behind the other again, io as its tensors are.
void mend(Sections& sections) {
  Blob &tensors = sections[kTens], &io = sections[kIo];
  std::map<uint8_t, uint64_t> ends;
  for (size_t at = 0; at + kTensorBytes <= tensors.size(); at += kTensorBytes) {
    const uint8_t storage = tensors[at + kStorage];
    if (storage < 2) continue;  // constants and arena lie where they lie
    put(tensors, at + kOffset, ends[storage], 4);
    ends[storage] += bytes_at(tensors, at);
  }
  for (size_t at = 0; at + kIoBytes <= io.size(); at += kIoBytes) {
    const size_t tensor = number_at(io, at + kIoTensor, 2) * kTensorBytes;
    if (tensor + kTensorBytes > tensors.size()) continue;
    std::copy_n(tensors.begin() + static_cast<std::ptrdiff_t>(tensor + kDims), 16,
                io.begin() + static_cast<std::ptrdiff_t>(at + kIoDims));
  }
}

void resize(Sections& sections, Dice& dice) {
  Blob& tensors = sections[kTens];
  if (tensors.size() < kTensorBytes) return;
  const size_t tensor = dice.below(tensors.size() / kTensorBytes) * kTensorBytes;
  const size_t dim = dice.below(std::clamp<uint32_t>(tensors[tensor + kRank], 1, 4));
  put(tensors, tensor + kDims + 4 * dim, 1 + dice.below(40), 4);
  mend(sections);
}

}  // namespace
}  // namespace plasma::test

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  using namespace plasma::test;
  Dice dice{seed};
  if (dice.below(4) != 0) return mutate_sections(data, size, most, seed, fresh);
  Sections sections = sections_from({data, size});
  for (uint32_t times = 1 + dice.below(2); times > 0; --times) resize(sections, dice);
  return copy_out(sections, data, size, most);
}
