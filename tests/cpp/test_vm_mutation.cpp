// SPDX-License-Identifier: Apache-2.0
// test_vm_mutation.cpp -- valid tables changed at random: each is refused, or runs without a
// sanitizer's report, the same on the slowest and the fastest kernel table.
#include "machine_rig.hpp"

namespace plasma::test {
namespace {

constexpr uint64_t kDeviceCap = 1u << 16;  // what is larger is not run

// A value that a field might hold by mistake or on purpose.
uint64_t draw_value(Dice& dice, uint64_t old) {
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
void change_field(Dice& dice, Blob& blob) {
  const size_t size = size_t{1} << dice.below(3);
  if (blob.size() < size) return;
  const size_t at = dice.below(blob.size() / size) * size;
  uint64_t old = 0;
  for (size_t i = size; i-- > 0;) old = old << 8 | blob[at + i];
  put(blob, at, draw_value(dice, old), size);
}

// Copies or swaps two records of a table.
void move_record(Dice& dice, Blob& blob, size_t record) {
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

void change(Dice& dice, Sections& sections) {
  auto part = sections.begin();
  std::advance(part, dice.below(sections.size()));
  Blob& blob = part->second;
  switch (dice.below(12)) {
    case 0: blob.resize(dice.below(blob.size() + 65)); break;
    case 1: move_record(dice, blob, dice.below(2) == 0 ? 32 : 64); break;
    default: change_field(dice, blob);
  }
}

// Another immediate of the first instruction, or another dimension of some tensor: small, so that
// now and then the window still fits.
void change_window(Dice& dice, Sections& sections) {
  if (sections[kProg].size() < kInstructionBytes || sections[kTens].size() < kTensorBytes) return;
  if (dice.below(2) == 0) {
    const auto value = static_cast<float>(dice.below(5));
    put(sections[kProg], 32 + 4 * dice.below(8), word_of(value), 4);
  } else {
    Blob& tensors = sections[kTens];
    const size_t tensor = dice.below(tensors.size() / kTensorBytes) * kTensorBytes;
    put(tensors, tensor + 4 + 4 * dice.below(3), 1 + dice.below(5), 4);
  }
}

struct Tally {
  int refused = 0, too_large = 0, run = 0, faults = 0, differences = 0;
};

void run(Rig& slow, Rig& fast, Dice& dice, Tally& tally) {
  ++tally.run;
  for (int i = 0; i < 3; ++i) {
    const Floats inputs = dice.floats(slow.input_count(), 3);
    tally.differences += slow.tick(inputs) != fast.tick(inputs) || slow.fault != fast.fault;
    tally.differences += slow.state() != fast.state();
    tally.faults += slow.fault;
  }
}

void try_program(const Sections& sections, Dice& dice, Tally& tally) {
  vm::Program program;
  if (vm::validate(image_of(sections), program)) {
    ++tally.refused;
    return;
  }
  const vm::Certificate& needs = program.certificate;
  if (needs.arena_bytes > kDeviceCap || needs.state_bytes > kDeviceCap) {
    ++tally.too_large;
    return;
  }
  Rig slow(sections), fast(sections, *kernels::find(nullptr));
  run(slow, fast, dice, tally);
}

// Replaces the adapter of both rigs; false when the validator refuses it.
bool try_attach(const Sections& sections, Rig& rig) {
  vm::AdapterProgram patches;
  vm::AdapterModel model;
  if (vm::validate_adapter(rig.program, adapter_image_of(sections), patches)) return false;
  REQUIRE(!vm::AdapterModel::build(rig.program, patches, rig.model.table(), kNoCap, model));
  rig.attach({&model}, {0.5f});
  return true;
}

}  // namespace

TEST_CASE("a program changed at random is refused or runs") {
  const Sections valid = sample::program().sections();
  Dice dice{2026};
  Tally tally;
  for (int i = 0; i < 150'000; ++i) {
    Sections sections = valid;
    for (uint32_t changes = 1 + dice.below(2); changes > 0; --changes) change(dice, sections);
    try_program(sections, dice, tally);
  }
  MESSAGE("refused " << tally.refused << ", run " << tally.run << ", too large " << tally.too_large
                     << ", faults " << tally.faults);
  CHECK(tally.differences == 0);
  CHECK(tally.refused > 50'000);
  CHECK(tally.run > 5'000);
}

TEST_CASE("a window changed at random is refused or runs") {
  Dice dice{2028};
  for (const Opcode opcode :
       {Opcode::Conv2d, Opcode::MaxPool2d, Opcode::AvgPool2d, Opcode::Strided, Opcode::Attention}) {
    const Sections valid = one_op(opcode).program.sections();
    Tally tally;
    for (int i = 0; i < 20'000; ++i) {
      Sections sections = valid;
      for (uint32_t changes = 1 + dice.below(2); changes > 0; --changes) {
        dice.below(8) == 0 ? change(dice, sections) : change_window(dice, sections);
      }
      try_program(sections, dice, tally);
    }
    CHECK(tally.differences == 0);
    CHECK(tally.refused > 5'000);
    CHECK(tally.run > 200);
  }
}

TEST_CASE("an adapter changed at random is refused or runs") {
  const Sections valid = sample::adapter().sections();
  Rig slow(sample::program()), fast(sample::program(), *kernels::find(nullptr));
  Dice dice{2027};
  Tally tally;
  for (int i = 0; i < 50'000; ++i) {
    Sections sections = valid;
    for (uint32_t changes = 1 + dice.below(2); changes > 0; --changes) change(dice, sections);
    if (try_attach(sections, slow) && try_attach(sections, fast)) {
      run(slow, fast, dice, tally);
    } else {
      ++tally.refused;
    }
  }
  MESSAGE("refused " << tally.refused << ", run " << tally.run << ", faults " << tally.faults);
  CHECK(tally.differences == 0);
  CHECK(tally.refused > 10'000);
  CHECK(tally.run > 5'000);
}

}  // namespace plasma::test
