// SPDX-License-Identifier: Apache-2.0
// test_vm_mutation.cpp -- valid tables changed at random: each is refused, or runs without a
// sanitizer's report, the same on the slowest and the fastest kernel table.
#include "machine_rig.hpp"
#include "section_changes.hpp"

namespace plasma::test {
namespace {

constexpr uint64_t kDeviceCap = 1u << 16;  // what is larger is not run

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
