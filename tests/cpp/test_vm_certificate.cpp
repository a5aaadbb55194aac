// SPDX-License-Identifier: Apache-2.0
// test_vm_certificate.cpp -- ISA.md section 4: certificates worked out by hand.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

vm::Certificate certificate_of(const P& builder) {
  const Sections sections = builder.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  return program.certificate;
}

uint64_t cost_of(Opcode opcode) { return certificate_of(one_op(opcode).program).cost_units; }

// Two instructions side by side; the first two programs of a test differ in which comes first.
P two_linears(const std::vector<uint32_t>& columns, bool are_slots) {
  P p;
  std::vector<uint16_t> x;
  for (const uint32_t n : columns) x.push_back(p.input("x" + std::to_string(n), n));
  for (size_t i = 0; i < columns.size(); ++i) {
    const uint32_t n = columns[i];
    const uint16_t w = p.weights(1, n, Weights(n, 1), {1});
    const uint16_t op = p.op(Opcode::Linear, p.output("y" + std::to_string(n), 1), {x[i], w});
    if (are_slots) p.slot(op, static_cast<uint16_t>(n / 4));
  }
  return p;
}

P two_convolutions(const std::vector<uint32_t>& sides) {
  P p;
  std::vector<uint16_t> x;
  for (const uint32_t n : sides)
    x.push_back(p.image("x" + std::to_string(n), Storage::Input, {n, n, 2}));
  for (size_t i = 0; i < sides.size(); ++i) {
    const uint32_t n = sides[i];
    const uint16_t w = p.kernels({1, 1, 1, 2}, {1, 2}, {1});
    const uint16_t y = p.image("y" + std::to_string(n), Storage::Output, {n, n, 1});
    p.op(Opcode::Conv2d, y, {x[i], w}, 1);
    p.instructions.back().more = {1, 0, 0, 0, 0, 1, 1};
  }
  return p;
}

P two_attentions(const std::vector<uint32_t>& keys) {
  P p;
  const uint16_t q = p.image("q", Storage::Input, {2, 4});
  std::vector<uint16_t> kv;
  for (const uint32_t n : keys)
    kv.push_back(p.image("kv" + std::to_string(n), Storage::Input, {n, 4}));
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint16_t y = p.image("y" + std::to_string(keys[i]), Storage::Output, {2, 4});
    p.op(Opcode::Attention, y, {q, kv[i], kv[i]}, 2);
    p.instructions.back().more = {0.7f, 0, 0, 0};
  }
  return p;
}

// Two live tensors in the arena, the first of them above the second or below it.
P two_in_the_arena(uint32_t first, uint32_t second) {
  P p;
  const uint16_t x = p.input("x", 100);
  const uint16_t a = p.arena(100, first), b = p.arena(100, second);
  p.op(Opcode::Tanh, a, {x});
  p.op(Opcode::Relu, b, {x});
  p.op(Opcode::Add, p.output("y", 100), {a, b});
  return p;
}

}  // namespace

TEST_CASE("scratch is that of the largest instruction, wherever it stands") {
  const auto arena = [](const P& p) { return certificate_of(p).arena_bytes; };
  // x 16 + 1600 -> 1664, outputs 8 -> twice 64, q 400 -> 448, hidden 4 * 100 -> 448, its q 100 ->
  // 128.
  for (const auto& columns : {std::vector<uint32_t>{400, 4}, {4, 400}}) {
    CHECK(arena(two_linears(columns, false)) == 1664 + 2 * 64 + 448);
    CHECK(arena(two_linears(columns, true)) == 1664 + 2 * 64 + 448 + 448 + 128);
  }
  CHECK(arena(two_convolutions({20, 3})) == arena(two_convolutions({3, 20})));
  CHECK(arena(two_convolutions({20, 3})) > arena(two_convolutions({3, 4})) + 20 * 20 * 2);
  CHECK(arena(two_attentions({50, 3})) == arena(two_attentions({3, 50})));
  CHECK(arena(two_attentions({50, 3})) > arena(two_attentions({3, 4})) + 46 * 4 * 4);
  CHECK(arena(two_in_the_arena(448, 0)) == arena(two_in_the_arena(0, 448)));
}

TEST_CASE("the certificate of one int8 layer, by hand") {
  const vm::Certificate c = certificate_of(one_op(Opcode::Linear).program);
  // x 8 -> 64, y 12 -> twice 64, q 2 -> 64; no arena, no slots.
  CHECK(c.arena_bytes == 64 + 2 * 64 + 0 + 64);
  CHECK(c.state_bytes == 0);
  // i8: 6. f32: scales 12, then the bias at 64: 76.
  CHECK(c.const_bytes == 6 + 76);
  CHECK(c.macs == 6);
  CHECK(c.cost_units == 500 + 13 * 2 + 6 + 8 * 3);
}

TEST_CASE("the certificate of an f32 layer with a slot, by hand") {
  P p;
  const uint16_t x = p.input("x", 100);
  const uint16_t y = p.arena(20, 128);
  p.op(Opcode::Linear, y, {x, p.matrix(20, 100, Floats(2000, 1))});
  p.op(Opcode::Tanh, p.output("y", 20), {y});
  p.slot(0, 17);
  const vm::Certificate c = certificate_of(p);
  // x 400 -> 448, outputs 80 -> 128 twice, arena ends at 208 -> 256, q of the slot 100 -> 128,
  // hidden 68 -> 128, its q 17 -> 64.
  CHECK(c.arena_bytes == 448 + 2 * 128 + 256 + 128 + 128 + 64);
  CHECK(c.const_bytes == 8000);
  CHECK(c.macs == 2000);
  CHECK(c.cost_units == (500 + 4 * 20 * 112 + 8 * 20) + (500 + 40 * 20));
}

TEST_CASE("an f32 layer without a slot quantises nothing") {
  P p;
  const uint16_t x = p.input("x", 100);
  p.op(Opcode::Linear, p.output("y", 20), {x, p.matrix(20, 100, Floats(2000, 1))});
  CHECK(certificate_of(p).arena_bytes == 448 + 2 * 128);
}

TEST_CASE("the certificate of the sample, by hand") {
  const vm::Certificate c = certificate_of(sample::program());
  // in 24 + 8 -> 64; out 16 + 4 -> 64; arena 24 + 32 + 36 + 36 + 12 + 16 = 156 -> 192;
  // q: columns 8, 3, slots 8, 3 -> 64; R = 4: 16 -> 64 and 4 -> 64.
  CHECK(c.arena_bytes == 64 + 2 * 64 + 192 + 64 + 64 + 64);
  CHECK(c.state_bytes == 12);
  // i8: 72, then 27 at 128. f32: 24 24 36 36 36 48 16 16 16, each at a multiple of 64.
  CHECK(c.const_bytes == (128 + 27) + (8 * 64 + 16));
  CHECK(c.macs == 72 + 27 + 12);
  const uint64_t linear =
      (500 + 13 * 8 + 72 + 8 * 9) + (500 + 13 * 3 + 27 + 8 * 9) + (500 + 4 * 4 * 16 + 8 * 4);
  const uint64_t others = 6 * 500 + 6 * 6 + 2 * 8 + 126 * 3 + 2 * 3 + 48 * 4 + 8 * 4;
  CHECK(c.cost_units == linear + others);
}

TEST_CASE("the certificate of an adapter, by hand") {
  const Sections base_sections = sample::program().sections();
  vm::Program base;
  REQUIRE(!vm::validate(image_of(base_sections), base));
  const Sections sections = sample::adapter().sections();
  vm::AdapterProgram adapter;
  REQUIRE(!vm::validate_adapter(base, adapter_image_of(sections), adapter));
  const vm::Certificate& c = adapter.certificate;
  CHECK(c.arena_bytes == 0);
  CHECK(c.state_bytes == 0);
  CHECK(c.const_bytes == 528);
  CHECK(c.macs == 3 * (8 + 9) + 2 * (3 + 4));
  const uint64_t gate = 500 + 3 * 8 + 13 * 3 + 9 * 3 + 8 * (3 + 9);
  const uint64_t head = 500 + 2 * 3 + 13 * 2 + 4 * 2 + 8 * (2 + 4) + 13 * 3 + 4 * 4;
  CHECK(c.cost_units == gate + head);
}

TEST_CASE("the cost of every opcode is 500 and its own for each element") {
  CHECK(cost_of(Opcode::Add) == 500 + 4 * 2);
  CHECK(cost_of(Opcode::Sub) == 500 + 4 * 2);
  CHECK(cost_of(Opcode::Mul) == 500 + 4 * 2);
  CHECK(cost_of(Opcode::Normalize) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Clamp) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Squash) == 500 + 48 * 2);
  CHECK(cost_of(Opcode::Relu) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::LeakyRelu) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Elu) == 500 + 40 * 2);
  CHECK(cost_of(Opcode::Silu) == 500 + 44 * 2);
  CHECK(cost_of(Opcode::Sigmoid) == 500 + 40 * 2);
  CHECK(cost_of(Opcode::Tanh) == 500 + 40 * 2);
  CHECK(cost_of(Opcode::LayerNorm) == 500 + 20 * 2);
  CHECK(cost_of(Opcode::Gru) == 500 + 126 * 2);
  CHECK(cost_of(Opcode::LstmCell) == 500 + 126 * 2);
  CHECK(cost_of(Opcode::LstmHidden) == 500 + 86 * 2);
  CHECK(cost_of(Opcode::Strided) == 500 + 8 * 2);
  CHECK(cost_of(Opcode::RmsNorm) == 500 + 14 * 2);
  CHECK(cost_of(Opcode::Softmax) == 500 + 52 * 2);
  CHECK(cost_of(Opcode::Min) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Max) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Div) == 500 + 8 * 2);
  CHECK(cost_of(Opcode::Abs) == 500 + 4 * 2);
  CHECK(cost_of(Opcode::Sqrt) == 500 + 16 * 2);
  CHECK(cost_of(Opcode::Exp) == 500 + 40 * 2);
  CHECK(cost_of(Opcode::Softplus) == 500 + 68 * 2);
  CHECK(cost_of(Opcode::Erf) == 500 + 40 * 2);
  CHECK(cost_of(Opcode::Concat) == 500 + 2 * 5);
  CHECK(cost_of(Opcode::Copy) == 500 + 2 * 2);
  CHECK(cost_of(Opcode::Argmax) == 500 + 8 * 2);  // of x, not of y
  CHECK(cost_of(Opcode::Select) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Round) == 500 + 6 * 2);
  CHECK(cost_of(Opcode::Log) == 500 + 48 * 2);
  CHECK(cost_of(Opcode::Sin) == 500 + 48 * 2);
  CHECK(cost_of(Opcode::Cos) == 500 + 48 * 2);
  CHECK(cost_of(Opcode::Uniform) == 500 + 48 * 6 + (500 + 2 * 2));  // and a copy
  CHECK(cost_of(Opcode::Normal) == 500 + 128 * 6 + (500 + 2 * 2));
}

}  // namespace plasma::test
