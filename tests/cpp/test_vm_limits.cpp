// SPDX-License-Identifier: Apache-2.0
// test_vm_limits.cpp -- the largest tables that are valid, one record more, and indices one beyond
// the end.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

// x -> + constant, 4,095 times in place -> relu -> y: 4,096 instructions on 8,192 tensors.
P largest_program() {
  P p;
  uint16_t x = p.input("x", 1);
  for (int i = 0; i < 4'095; ++i) {
    const uint16_t y = p.arena(1, 0);
    p.op(Opcode::Add, y, {x, p.constant({1})});
    x = y;
  }
  p.op(Opcode::Relu, p.output("y", 1), {x});
  return p;
}

// The sum of so many inputs.
P sum_of(int inputs) {
  P p;
  std::vector<uint16_t> x;
  for (int i = 0; i < inputs; ++i) x.push_back(p.input("x" + std::to_string(i), 1));
  uint16_t sum = x[0];
  for (size_t i = 1; i < x.size(); ++i) {
    const uint16_t next = i + 1 == x.size() ? p.output("y", 1) : p.arena(1, 0);
    p.op(Opcode::Add, next, {sum, x[i]});
    sum = next;
  }
  return p;
}

// x -> so many linears of 1 x 1, each a slot -> y.
P chain_of(int layers) {
  P p;
  uint16_t x = p.input("x", 1);
  for (int i = 0; i < layers; ++i) {
    const uint16_t y = i + 1 == layers ? p.output("y", 1) : p.arena(1);
    p.slot(p.op(Opcode::Linear, y, {x, p.matrix(1, 1, {1})}), 1);
    x = y;
  }
  return p;
}

// What the error says was wrong.
std::string place_of(const P& program) {
  const Sections sections = program.sections();
  vm::Program parsed;
  return vm::validate(image_of(sections), parsed).where;
}

}  // namespace

TEST_CASE("4,096 instructions on 8,192 tensors are valid, and not one more of either") {
  const P largest = largest_program();
  REQUIRE(largest.tensors.size() == 8'192);
  REQUIRE(largest.instructions.size() == 4'096);
  CHECK(code_of(largest) == "OK");
  CHECK(after(largest, [](P& p) { p.constant({1}); }) == "E_PROG_FORMAT");
  CHECK(after(largest, [](P& p) { p.instructions.push_back(p.instructions.back()); }) ==
        "E_PROG_FORMAT");
}

TEST_CASE("64 inputs and outputs are valid, and not one more") {
  CHECK(code_of(sum_of(63)) == "OK");
  CHECK(code_of(sum_of(64)) == "E_PROG_FORMAT");
}

TEST_CASE("1,024 slots and patches are valid, and not one slot more") {
  CHECK(code_of(chain_of(1'025)) == "E_PROG_FORMAT");
  const P p = chain_of(1'024);
  const Sections sections = p.sections(), patches = adapter_for(p, 1, false).sections();
  vm::Program base;
  REQUIRE(!vm::validate(image_of(sections), base));
  vm::AdapterProgram adapter;
  CHECK(!vm::validate_adapter(base, adapter_image_of(patches), adapter));
}

TEST_CASE("a program without an input is refused") {
  P p;
  p.op(Opcode::Uniform, p.output("y", 2), {});
  CHECK(code_of(p) == "E_PROG_IO");
}

TEST_CASE("an index one beyond its table is refused as that, and nothing is read there") {
  P p = sample::program();
  p.poke(kIo, 56, sample::kTensors, 2);
  CHECK(place_of(p) == "tensor of io");
  p = sample::program();
  p.slots[1].op_index = sample::kOps;
  CHECK(place_of(p) == "op_index of slot");
}

}  // namespace plasma::test
