// SPDX-License-Identifier: Apache-2.0
// test_vm_adapter.cpp -- ISA.md rule 16: the patches
// of an adapter against one base, one mutant a line.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using A = AdapterBuilder;

const float kNan = std::nanf("");

struct AdapterMutant {
  const char* what;
  Status expected;
  void (*change)(A& adapter);
};

void resize(A& a, uint32_t section, int64_t by) {
  a.edits.push_back([=](Sections& sections) {
    Blob& blob = sections[section];
    blob.resize(static_cast<size_t>(static_cast<int64_t>(blob.size()) + by));
  });
}
void patch(A& a, size_t index, size_t field, uint64_t value, size_t count) {
  a.poke(kLora, index * kPatchBytes + field, value, count);
}
// A patch of any rank for slot 0, which takes ranks 1 to 4.
void set_rank(A& a, uint16_t rank) {
  LoraSpec& spec = a.patches[0];
  spec.rank = rank;
  spec.a.resize(size_t{rank} * 8, 1);
  spec.a_scale.resize(rank, 1);
  spec.b.resize(size_t{rank} * 9, 1);
}

// Where things lie: A 24 at 0, scales 12 at 64, B 27 at 128, scales 36 at 192; then A 6 at 256,
// scales 8 at 320, B 8 at 384, scales 16 at 448, bias 16 at 512, which ends at 528.
const AdapterMutant kMutants[] = {
    {"as it is", Status::Ok, [](A&) {}},
    {"one patch of two", Status::Ok, [](A& a) { a.patches.pop_back(); }},
    {"the other patch alone", Status::Ok, [](A& a) { a.patches.erase(a.patches.begin()); }},
    {"no patch", Status::ProgPatch, [](A& a) { a.patches.clear(); }},
    {"half a patch", Status::ProgFormat, [](A& a) { resize(a, kLora, -16); }},
    {"a byte after the patches", Status::ProgFormat, [](A& a) { resize(a, kLora, 1); }},
    {"1,025 patches", Status::ProgFormat, [](A& a) { resize(a, kLora, 1023 * 32); }},
    {"a reserved byte", Status::ProgFormat, [](A& a) { patch(a, 0, 28, 1, 1); }},
    {"the last reserved byte", Status::ProgFormat, [](A& a) { patch(a, 1, 31, 1, 1); }},
    {"a scale that is not a number", Status::ProgNumeric, [](A& a) { a.patches[0].scale = kNan; }},
    {"a scale that is infinite", Status::ProgNumeric, [](A& a) { a.patches[0].scale = -INFINITY; }},
    {"a scale of 0", Status::Ok, [](A& a) { a.patches[0].scale = 0; }},
    {"one slot twice", Status::ProgPatch, [](A& a) { a.patches[1] = a.patches[0]; }},
    {"slots in another order", Status::ProgPatch,
     [](A& a) { std::swap(a.patches[0], a.patches[1]); }},
    {"a slot the base does not have", Status::ProgPatch, [](A& a) { a.patches[1].slot = 2; }},
    {"slot 65,535", Status::ProgPatch, [](A& a) { a.patches[1].slot = 0xFFFF; }},
    {"a patch of another slot's shape", Status::ProgPatch,
     [](A& a) { a.patches.pop_back(), a.patches[0].slot = 1; }},
    {"rank 0", Status::ProgPatch, [](A& a) { patch(a, 0, 2, 0, 2); }},
    {"rank 0 and parts of no bytes", Status::ProgPatch, [](A& a) { set_rank(a, 0); }},
    {"rank 1", Status::Ok, [](A& a) { set_rank(a, 1); }},
    {"the highest rank", Status::Ok, [](A& a) { set_rank(a, 4); }},
    {"a rank above it", Status::ProgPatch, [](A& a) { set_rank(a, 5); }},
    {"rank 65,535", Status::ProgPatch, [](A& a) { patch(a, 0, 2, 0xFFFF, 2); }},
    {"a rank that leaves weights in a gap", Status::Hole, [](A& a) { patch(a, 0, 2, 2, 2); }},
    {"A at 64", Status::ProgPatch, [](A& a) { patch(a, 0, 8, 64, 4); }},
    {"the scales of A at 0", Status::ProgPatch, [](A& a) { patch(a, 0, 12, 0, 4); }},
    {"the scales of A at 60", Status::ProgPatch, [](A& a) { patch(a, 0, 12, 60, 4); }},
    {"B on A", Status::ProgPatch, [](A& a) { patch(a, 0, 16, 0, 4); }},
    {"the scales of B 64 late", Status::ProgPatch, [](A& a) { patch(a, 0, 20, 256, 4); }},
    {"a bias on B", Status::ProgPatch, [](A& a) { patch(a, 1, 24, 384, 4); }},
    {"a bias that is not there", Status::ProgPatch, [](A& a) { patch(a, 0, 24, 256, 4); }},
    {"a bias beyond the constants", Status::ProgPatch,
     [](A& a) { a.patches[1].bias.clear(), patch(a, 1, 24, 512, 4); }},
    {"a bias that is there but not named", Status::ProgPatch,
     [](A& a) { patch(a, 1, 24, 0xFFFFFFFF, 4); }},
    {"a second patch on the first", Status::ProgPatch, [](A& a) { patch(a, 1, 8, 0, 4); }},
    {"an offset of 2^32 - 64", Status::ProgPatch, [](A& a) { patch(a, 1, 16, 0xFFFFFFC0, 4); }},
    {"a last part that ends one byte late", Status::ProgPatch,
     [](A& a) { resize(a, kLoraConst, -1); }},
    {"no constants", Status::ProgPatch, [](A& a) { resize(a, kLoraConst, -528); }},
    {"a byte after the last part", Status::ProgPatch, [](A& a) { resize(a, kLoraConst, 1); }},
    {"a first byte of a gap", Status::Hole, [](A& a) { a.poke(kLoraConst, 24, 1, 1); }},
    {"a last byte of a gap", Status::Hole, [](A& a) { a.poke(kLoraConst, 63, 1, 1); }},
    {"a byte between patches", Status::Hole, [](A& a) { a.poke(kLoraConst, 255, 1, 1); }},
    {"a weight of -128 in A", Status::ProgNumeric, [](A& a) { a.patches[0].a[23] = -128; }},
    {"a weight of -128 in B", Status::ProgNumeric, [](A& a) { a.patches[1].b[0] = -128; }},
    {"a scale of A of 0", Status::ProgNumeric, [](A& a) { a.patches[0].a_scale[2] = 0; }},
    {"a scale of B below 2^-40", Status::ProgNumeric,
     [](A& a) { a.patches[0].b_scale[8] = 0x1.fffffep-41f; }},
    {"a scale of B of 2^-40", Status::Ok, [](A& a) { a.patches[0].b_scale[8] = 0x1p-40f; }},
    {"a scale of B above 2^40", Status::ProgNumeric,
     [](A& a) { a.patches[0].b_scale[8] = 0x1.000002p40f; }},
    {"a bias that is not a number", Status::ProgNumeric, [](A& a) { a.patches[1].bias[3] = kNan; }},
    {"a bias that is infinite", Status::ProgNumeric, [](A& a) { a.patches[1].bias[3] = INFINITY; }},
    {"a bias too few", Status::ProgPatch, [](A& a) { a.patches[1].bias.pop_back(); }},
    {"a bias too many", Status::ProgPatch, [](A& a) { a.patches[1].bias.push_back(0); }},
};

}  // namespace

TEST_CASE("a patch that does not fit its slot, or hides bytes, is refused") {
  const Sections base_sections = sample::program().sections();
  vm::Program base;
  REQUIRE(!vm::validate(image_of(base_sections), base));
  for (const AdapterMutant& mutant : kMutants) {
    INFO(std::string(mutant.what));
    A adapter = sample::adapter();
    mutant.change(adapter);
    const Sections sections = adapter.sections();
    vm::AdapterProgram program;
    const Error error = vm::validate_adapter(base, adapter_image_of(sections), program);
    CHECK(std::string(status_code(error.status)) == std::string(status_code(mutant.expected)));
  }
}

TEST_CASE("a base without slots takes no adapter") {
  ProgramBuilder p = sample::program();
  p.slots.clear();
  const Sections base_sections = p.sections();
  vm::Program base;
  REQUIRE(!vm::validate(image_of(base_sections), base));
  const Sections sections = sample::adapter().sections();
  vm::AdapterProgram program;
  CHECK(vm::validate_adapter(base, adapter_image_of(sections), program).status ==
        Status::ProgPatch);
}

}  // namespace plasma::test
