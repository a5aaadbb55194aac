// SPDX-License-Identifier: Apache-2.0
// test_vm_tokens.cpp -- layers over the rows of a sequence, and attention: their bits against
// reference_machine.hpp, what they take and what they cost.
#include "comparison.hpp"
#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;
using Dims = std::vector<uint32_t>;

struct Layer {
  Dims x = {5, 12}, y = {5, 7};
  uint32_t rows = 7, cols = 12;
  bool is_i8 = true, has_bias = true;
  uint16_t max_rank = 0;
};

// x -> linear -> y.
P linear(const Layer& layer, uint64_t seed = 1) {
  P p;
  Dice dice{seed};
  std::vector<uint16_t> in = {p.image("x", Storage::Input, layer.x)};
  const size_t weights = size_t{layer.rows} * layer.cols;
  in.push_back(layer.is_i8 ? dice_weights(p, dice, layer.rows, layer.cols)
                           : p.matrix(layer.rows, layer.cols, dice.floats(weights)));
  if (layer.has_bias) in.push_back(p.constant(dice.floats(layer.rows)));
  p.op(Opcode::Linear, p.image("y", Storage::Output, layer.y), in);
  if (layer.max_rank > 0) p.slot(0, layer.max_rank);
  return p;
}

Layer sequence(uint32_t tokens, uint32_t cols, uint32_t rows) {
  return {.x = {tokens, cols}, .y = {tokens, rows}, .rows = rows, .cols = cols};
}

// x -> norm of its rows -> y.
P norm(Opcode opcode, const Dims& dims) {
  P p;
  Dice dice{4};
  std::vector<uint16_t> in = {p.image("x", Storage::Input, dims)};
  if (opcode != Opcode::Softmax) in.push_back(p.constant(dice.floats(dims.back())));
  if (opcode == Opcode::LayerNorm) in.push_back(p.constant(dice.floats(dims.back())));
  p.op(opcode, p.image("y", Storage::Output, dims), in, opcode == Opcode::Softmax ? 0 : 1e-5f);
  return p;
}

struct Heads {
  uint32_t tokens = 3, keys = 4, width = 6, heads = 2;
  Dims columns = {0, 0, 0};  // at which q, k and v begin
  Dims mask = {};            // none
  Dims wider = {0, 0, 0};    // columns of q, k and v after what is read
  float scale = 0.4f;
};

P attention(const Heads& of) {
  P p;
  const auto cols = [&](size_t k) { return of.columns[k] + of.width + of.wider[k]; };
  std::vector<uint16_t> in = {p.image("q", Storage::Input, {of.tokens, cols(0)}),
                              p.image("k", Storage::Input, {of.keys, cols(1)}),
                              p.image("v", Storage::Input, {of.keys, cols(2)})};
  if (!of.mask.empty()) in.push_back(p.image("mask", Storage::Input, of.mask));
  p.op(Opcode::Attention, p.image("y", Storage::Output, {of.tokens, of.width}), in,
       static_cast<float>(of.heads));
  p.instructions[0].more = {of.scale};
  for (const uint32_t column : of.columns)
    p.instructions[0].more.push_back(static_cast<float>(column));
  return p;
}

Heads random_heads(Dice& dice) {
  Heads of{.tokens = 1 + dice.below(6), .keys = 1 + dice.below(40)};
  of.heads = 1 + dice.below(4);
  of.width = of.heads * (1 + dice.below(dice.below(2) == 0 ? 9 : 70));
  for (size_t k = 0; k < 3; ++k) of.columns[k] = dice.below(20), of.wider[k] = dice.below(5);
  if (dice.below(3) == 0) of.mask = {of.tokens, of.keys};
  if (dice.below(3) == 0) of.mask = {of.keys};
  return of;
}

vm::Certificate certificate_of(const P& builder) {
  const Sections sections = builder.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  return program.certificate;
}

}  // namespace

TEST_CASE("linear gives the bits of the reference for every number of tokens and rows") {
  for_each_table([](const kernels::KernelTable& table) {
    for (uint32_t n = 1; n <= 40; ++n) {
      Layer layer = sequence(n, 3 * n, 33);
      layer.has_bias = n % 2 == 0;
      compare(linear(layer), table);
      compare(linear(sequence(5, 70, 5 * n)), table);
      layer.is_i8 = false;
      compare(linear(layer), table);
    }
  });
}

TEST_CASE("a row of a sequence has the bits of the same layer over that row alone") {
  for_each_table([](const kernels::KernelTable& table) {
    Rig rows(linear(sequence(19, 40, 23)), table);
    Rig one(linear({.x = {40}, .y = {23}, .rows = 23, .cols = 40}), table);
    Dice dice{6};
    const Floats x = dice.floats(19 * 40);
    const Floats y = floats_of(rows.tick(x));
    for (std::ptrdiff_t t = 0; t < 19; ++t) {
      const Floats row = floats_of(one.tick({x.begin() + t * 40, x.begin() + t * 40 + 40}));
      CHECK(row == Floats(y.begin() + t * 23, y.begin() + t * 23 + 23));
    }
  });
}

TEST_CASE("adapters reach every token, on int8 and on f32 weights") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const uint32_t tokens : {1u, 2u, 7u, 16u, 17u, 33u}) {
      Layer layer = sequence(tokens, 30, 21);
      layer.max_rank = 9;
      layer.is_i8 = tokens % 2 == 1;
      const P p = linear(layer);
      compare(p, table, {{adapter_for(p, 9, true), 0.7f}, {adapter_for(p, 4, false), 1}});
    }
  });
}

TEST_CASE("the pixels that a conv2d gave are quantised one by one") {
  P p;
  Dice dice{8};
  const uint16_t x = p.image("x", Storage::Input, {4, 3, 2});
  const uint16_t kernels = p.kernels({5, 1, 1, 2}, dice.weights(10), dice.scales(5));
  const uint16_t image = p.image("", Storage::Arena, {4, 3, 5});
  p.op(Opcode::Conv2d, image, {x, kernels}, 1);
  p.instructions[0].more = {1, 0, 0, 0, 0, 1, 1};
  const uint16_t w = dice_weights(p, dice, 3, 5);
  p.op(Opcode::Linear, p.image("y", Storage::Output, {4, 3, 3}), {image, w});
  for_each_table([&](const kernels::KernelTable& table) { compare(p, table); });
}

TEST_CASE("norms and softmax take the rows of any shape one by one") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const Opcode opcode : {Opcode::LayerNorm, Opcode::RmsNorm, Opcode::Softmax}) {
      for (const Dims& dims : {Dims{7}, {3, 20}, {2, 3, 5}, {2, 1, 2, 33}}) {
        compare(norm(opcode, dims), table);
      }
    }
  });
}

TEST_CASE("attention gives the bits of the reference, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{7};
    for (int i = 0; i < 60; ++i) compare(attention(random_heads(dice)), table);
  });
}

TEST_CASE("queries, keys and values may be columns of one tensor") {
  P p;
  const uint16_t x = p.image("x", Storage::Input, {4, 18});
  p.op(Opcode::Attention, p.image("y", Storage::Output, {4, 6}), {x, x, x}, 2);
  p.instructions[0].more = {0.5f, 0, 6, 12};
  for_each_table([&](const kernels::KernelTable& table) { compare(p, table); });
}

TEST_CASE("a key that is masked by -1e30 gets nothing, whatever its value") {
  P p = attention({.tokens = 1, .keys = 2, .width = 1, .heads = 1, .mask = {2}, .scale = 1});
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    CHECK(floats_of(rig.tick({3, 9, 8, 5, 7, 0, -1e30f})) == Floats{5});
    CHECK(floats_of(rig.tick({3, 9, 8, 5, 7, -1e30f, 0})) == Floats{7});
  });
}

TEST_CASE("a score that is not finite is a fault, though the softmax would hide it") {
  P p = attention({.tokens = 1, .keys = 2, .width = 1, .heads = 1, .mask = {2}, .scale = 1});
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    for (const Floats& x : {Floats{1e20f, -1e20f, 1, 5, 7, 0, 0},         // the product
                            Floats{1e19f, -1e19f, 1, 5, 7, -3.4e38f, 0},  // with the mask
                            Floats{1, 1, 1, 3e38f, 3e38f, 0, 0}}) {
      rig.tick(x);
      CHECK(rig.fault == (x[0] > 1));
    }
  });
}

TEST_CASE("linear takes rows of its columns and gives as many of its rows") {
  const auto verdict = [](const Dims& x, const Dims& y) {
    return code_of(linear({.x = x, .y = y}));
  };
  CHECK(verdict({5, 12}, {5, 7}) == "OK");
  CHECK(verdict({2, 3, 12}, {2, 3, 7}) == "OK");
  CHECK(verdict({3, 4}, {7}) == "OK");
  CHECK(verdict({3, 4}, {1, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({12}, {1, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 12}, {35}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 12}, {7, 5}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 12}, {4, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 12}, {5, 8}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 11}, {5, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({12, 5}, {12, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({2, 3, 12}, {3, 2, 7}) == "E_PROG_SHAPE");
  CHECK(verdict({2, 3, 12}, {6, 7}) == "E_PROG_SHAPE");
}

TEST_CASE("the rows of linear are f32 and those of its operand") {
  P p;
  const uint16_t x = p.image("x", Storage::Input, {2, 5});
  const uint16_t y = p.image("y", Storage::Output, {2, 1});
  p.op(Opcode::Linear, y, {x, p.matrix(1, 5, Floats(5, 1))});
  CHECK(code_of(p) == "OK");
  CHECK(after(p, [](P& q) { q.tensors[1].dtype = DType::I32; }) == "E_PROG_SHAPE");
  CHECK(after(p, [](P& q) { q.tensors[1].dims = {2, 1, 1}; }) == "E_PROG_SHAPE");
}

TEST_CASE("norms take the gain of one row, and give the shape they take") {
  for (const Opcode opcode : {Opcode::LayerNorm, Opcode::RmsNorm, Opcode::Softmax}) {
    const P p = norm(opcode, {3, 4});
    CHECK(code_of(p) == "OK");
    CHECK(after(p, [](P& q) { q.tensors[q.instructions[0].out].dims = {12}; }) == "E_PROG_SHAPE");
    CHECK(after(p, [](P& q) { q.tensors[q.instructions[0].out].dims = {4, 3}; }) == "E_PROG_SHAPE");
    if (opcode == Opcode::Softmax) continue;
    CHECK(after(p, [](P& q) { q.resize(q.instructions[0].in[1], 3); }) == "E_PROG_SHAPE");
    CHECK(after(p, [](P& q) { q.resize(q.instructions[0].in[1], 12); }) == "E_PROG_SHAPE");
  }
}

TEST_CASE("the parts of an attention lie inside its operands") {
  const P p = attention({.columns = {1, 2, 3}});
  CHECK(code_of(p) == "OK");
  for (size_t k = 0; k < 3; ++k) {
    CHECK(with_immediate(p, 2 + k, static_cast<float>(k)) == "OK");
    CHECK(with_immediate(p, 2 + k, static_cast<float>(k + 2)) == "E_PROG_SHAPE");
    CHECK(with_immediate(p, 2 + k, 0x1p28f) == "E_PROG_SHAPE");
    for (const float wrong : {0.5f, -1.0f, -0.0f, 1e30f, INFINITY, std::nanf("")}) {
      CHECK(with_immediate(p, 2 + k, wrong) == "E_PROG_NUMERIC");
    }
  }
}

TEST_CASE("heads divide the width of an attention, and its scale is finite") {
  const P p = attention({});
  for (const float heads : {1.0f, 2.0f, 3.0f, 6.0f}) CHECK(with_immediate(p, 0, heads) == "OK");
  for (const float heads : {4.0f, 5.0f, 7.0f, 12.0f}) {
    CHECK(with_immediate(p, 0, heads) == "E_PROG_SHAPE");
  }
  for (const float wrong : {0.0f, -2.0f, 1.5f, 1e30f, INFINITY, std::nanf("")}) {
    CHECK(with_immediate(p, 0, wrong) == "E_PROG_NUMERIC");
  }
  CHECK(with_immediate(p, 1, -1e30f) == "OK");
  CHECK(with_immediate(p, 1, INFINITY) == "E_PROG_NUMERIC");
}

TEST_CASE("the operands of an attention fit each other") {
  const auto verdict = [](size_t operand, const Dims& dims) {
    P p = attention({.mask = {3, 4}});
    p.tensors[operand].dims = dims;
    return code_of(p);
  };
  CHECK(verdict(0, {3, 6}) == "OK");
  CHECK(verdict(0, {3, 5}) == "E_PROG_SHAPE");
  CHECK(verdict(0, {4, 6}) == "E_PROG_SHAPE");
  CHECK(verdict(0, {18}) == "E_PROG_SHAPE");
  CHECK(verdict(1, {5, 6}) == "E_PROG_SHAPE");
  CHECK(verdict(1, {2, 2, 6}) == "OK");
  CHECK(verdict(2, {5, 6}) == "E_PROG_SHAPE");
  CHECK(verdict(2, {4, 5}) == "E_PROG_SHAPE");
  CHECK(verdict(3, {4}) == "OK");
  CHECK(verdict(3, {1, 4}) == "OK");
  CHECK(verdict(3, {3}) == "E_PROG_SHAPE");
  CHECK(verdict(3, {12}) == "E_PROG_SHAPE");
  CHECK(verdict(3, {2, 4}) == "E_PROG_SHAPE");
  CHECK(verdict(3, {4, 3}) == "E_PROG_SHAPE");
  CHECK(verdict(4, {3, 4}) == "OK");  // fewer columns than there are
  CHECK(verdict(4, {3, 8}) == "E_PROG_SHAPE");
  CHECK(verdict(4, {6, 3}) == "E_PROG_SHAPE");
}

TEST_CASE("the operands of an attention are f32") {
  for (uint16_t operand = 0; operand < 4; ++operand) {
    P p = attention({.mask = {3, 4}});
    const Dims dims = p.tensors[operand].dims;
    p.tensors[operand] = {.dtype = DType::I32,
                          .storage = Storage::Const,
                          .dims = dims,
                          .values = Blob(4 * p.tensors[operand].elements())};
    p.io.erase(p.io.begin() + operand);
    CHECK(code_of(p) == "E_PROG_SHAPE");
  }
}

TEST_CASE("an attention has at most 2^28 scores") {
  const auto verdict = [](uint32_t keys) {
    return code_of(attention({.tokens = 1 << 12, .keys = keys, .width = 1, .heads = 1}));
  };
  CHECK(verdict(1 << 16) == "OK");
  CHECK(verdict((1 << 16) + 1) == "E_PROG_DIMS");
}

TEST_CASE("the certificate of a layer over tokens, by hand") {
  Layer layer = sequence(20, 100, 30);
  layer.max_rank = 70;
  const P p = linear(layer);
  const vm::Certificate c = certificate_of(p);
  // x 8,000 -> 8,000, y 2,400 -> 2,432 twice; sixteen tokens at a time: q 128, hidden 280, its q
  // 128.
  CHECK(c.arena_bytes == 8'000 + 2 * 2'432 + 16 * 128 + 16 * 280 + 16 * 128);
  CHECK(c.macs == 20 * 3'000);
  CHECK(c.cost_units == 500 + 20 * (13 * 100 + 3'000 + 8 * 30));
  const AdapterBuilder adapter = adapter_for(p, 5, true);
  const uint64_t rank = adapter.patches[0].rank;
  const Sections base = p.sections(), sections = adapter.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(base), program));
  vm::AdapterProgram patches;
  REQUIRE(!vm::validate_adapter(program, adapter_image_of(sections), patches));
  CHECK(patches.certificate.macs == 20 * rank * 130);
  CHECK(patches.certificate.cost_units ==
        500 + 20 * (rank * 130 + 13 * rank + 8 * (rank + 30) + 4 * 30));
}

TEST_CASE("the certificate of an attention, by hand") {
  const vm::Certificate c = certificate_of(attention({.columns = {0, 6, 12}, .mask = {4}}));
  // q 72, k 192, v 288, mask 16: 568 -> 576; y 72 -> 128 twice; scores 32 -> 64.
  CHECK(c.arena_bytes == 576 + 2 * 128 + 64);
  CHECK(c.macs == 2 * 3 * 4 * 6);
  CHECK(c.cost_units == 500 + 8 * 3 * 4 * 6 + 64 * 2 * 3 * 4);
}

}  // namespace plasma::test
