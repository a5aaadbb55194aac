// SPDX-License-Identifier: Apache-2.0
// test_vm_moves.cpp -- strided, gather, the reductions and top_k: which operands they take, and
// their bits against reference_machine.hpp.
#include "comparison.hpp"
#include "mutants.hpp"
#include "vm/half.hpp"
#include "vm/walk.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;
using Dims = std::vector<uint32_t>;

P strided(const Dims& x, const Dims& y, const Floats& immediates) {
  P p;
  const uint16_t from = p.image("x", Storage::Input, x);
  p.op(Opcode::Strided, p.image("y", Storage::Output, y), {from}, immediates[0]);
  p.instructions[0].more.assign(immediates.begin() + 1, immediates.end());
  return p;
}

P reduction(Opcode opcode, const Dims& x, const Dims& y) {
  P p;
  const uint16_t from = p.image("x", Storage::Input, x);
  p.op(opcode, p.image("y", Storage::Output, y), {from});
  return p;
}

uint16_t half_matrix(P& p, uint32_t rows, uint32_t cols, const std::vector<uint16_t>& halves) {
  TensorSpec spec{.dtype = DType::F16, .storage = Storage::Const, .dims = {rows, cols}};
  for (const uint16_t half : halves) append(spec.values, half, 2);
  return p.add(spec);
}

// index -> rows of a table [4, 3] of this type -> y.
P gathering(DType dtype, uint32_t count) {
  P p;
  Dice dice{4};
  const uint16_t index = p.input("index", count);
  uint16_t table = 0;
  if (dtype == DType::I8) table = dice_weights(p, dice, 4, 3);
  if (dtype == DType::F32) table = p.matrix(4, 3, dice.floats(12));
  if (dtype == DType::F16) {
    table = half_matrix(p, 4, 3,
                        {0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x03FF, 0xFBFF, 0x5640, 0x1234,
                         0x0400, 0x2E66, 0xB266});
  }
  p.op(Opcode::Gather, p.image("y", Storage::Output, {count, 3}), {table, index});
  return p;
}

// Strides of both signs and none, sizes that keep inside: what the proof must accept.
P random_strided(Dice& dice) {
  const uint32_t n = 1 + dice.below(200);
  const uint32_t rank = 1 + dice.below(4);
  Floats immediates = {static_cast<float>(dice.below(n)), 0, 0, 0, 0};
  float least = immediates[0], most = immediates[0];
  Dims y;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    const float stride = dice.below(3) == 0 ? static_cast<float>(dice.below(2))
                                            : static_cast<float>(dice.below(21)) - 10;
    uint32_t size = 1 + dice.below(9);
    const auto reach = [&] { return stride * static_cast<float>(size - 1); };
    while (least + reach() < 0 || most + reach() >= static_cast<float>(n)) --size;
    (stride < 0 ? least : most) += reach();
    immediates[5 - rank + axis] = stride;
    y.push_back(size);
  }
  return strided({n}, y, immediates);
}

}  // namespace

TEST_CASE("strided gives the bits of the reference for random walks, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{31};
    for (int i = 0; i < 300; ++i) compare(random_strided(dice), table);
  });
}

TEST_CASE("strided stays inside its operand, to the last element and no further") {
  const auto verdict = [](const Dims& y, const Floats& immediates) {
    return code_of(strided({3, 4}, y, immediates));
  };
  CHECK(verdict({4, 3}, {0, 0, 0, 1, 4}) == "OK");  // transposed
  CHECK(verdict({4, 3}, {1, 0, 0, 1, 4}) == "E_PROG_SHAPE");
  CHECK(verdict({12}, {11, 0, 0, 0, -1}) == "OK");  // reversed
  CHECK(verdict({12}, {10, 0, 0, 0, -1}) == "E_PROG_SHAPE");
  CHECK(verdict({13}, {11, 0, 0, 0, -1}) == "E_PROG_SHAPE");
  CHECK(verdict({13}, {0, 0, 0, 0, 1}) == "E_PROG_SHAPE");
  CHECK(verdict({5, 6, 7, 8}, {11, 0, 0, 0, 0}) == "OK");  // one element, again and again
  CHECK(verdict({5, 6, 7, 8}, {12, 0, 0, 0, 0}) == "E_PROG_SHAPE");
  CHECK(verdict({1}, {-1, 0, 0, 0, 0}) == "E_PROG_SHAPE");
  CHECK(verdict({2, 2}, {3, 0, 0, 8, -3}) == "OK");  // 3, 0, 11, 8
  CHECK(verdict({2, 2}, {2, 0, 0, 8, -3}) == "E_PROG_SHAPE");
  CHECK(verdict({2, 2}, {4, 0, 0, 8, -3}) == "E_PROG_SHAPE");
  CHECK(verdict({1, 2}, {0, 0, 0, 0x1p24f, 1}) == "OK");  // an axis of one has no second element
  CHECK(verdict({2}, {0, 0, 0, 0x1p24f, 1}) == "OK");     // nor has one that y lacks
  CHECK(verdict({0x10000, 0x1000}, {0, 0, 0, 0x1p24f, 0x1p24f}) == "E_PROG_SHAPE");
  CHECK(verdict({0x10000, 0x1000}, {0, 0, 0, -0x1p24f, 0x1p24f}) == "E_PROG_SHAPE");
}

TEST_CASE("the immediates of strided are whole numbers of at most 2^24") {
  for (size_t i = 0; i < 5; ++i) {
    for (const float wrong : {0.5f, -0.0f, 0x1.000002p24f, -0x1.000002p24f, 1e30f, INFINITY}) {
      Floats immediates = {0, 0, 0, 0, 0};
      immediates[i] = wrong;
      CHECK(code_of(strided({4}, {1}, immediates)) == "E_PROG_NUMERIC");
    }
  }
}

TEST_CASE("a walk has as few axes as it can be said with") {
  const auto walk = [](const Dims& y, const Floats& immediates) {
    const Sections sections = strided({100}, y, immediates).sections();
    vm::Program program;
    REQUIRE(!vm::validate(image_of(sections), program));
    return vm::walk_of(program, program.instructions[0]);
  };
  const kernels::Walk slice = walk({2, 3, 4}, {5, 0, 12, 4, 1});
  CHECK(slice.begin == 5);
  CHECK(slice.size[3] == 24);
  CHECK(slice.stride[3] == 1);
  CHECK(slice.size[2] * slice.size[1] * slice.size[0] == 1);
  const kernels::Walk image = walk({3, 4, 2}, {0, 0, 4, 1, 12});
  CHECK(image.size[2] == 12);
  CHECK(image.stride[2] == 1);
  CHECK(image.size[3] == 2);
  CHECK(image.size[1] == 1);
  const kernels::Walk repeated = walk({3, 1, 4}, {7, 0, 0, 9, 0});
  CHECK(repeated.size[3] == 12);
  CHECK(repeated.stride[3] == 0);
}

TEST_CASE("a permutation takes every element of its operand once") {
  const auto verdict = [](const Dims& x, const Dims& y, const Floats& immediates) {
    const Sections sections = strided(x, y, immediates).sections();
    vm::Program program;
    REQUIRE(!vm::validate(image_of(sections), program));
    return vm::is_permutation(program, program.instructions[0]);
  };
  CHECK(verdict({12}, {12}, {0, 0, 0, 0, 1}));
  CHECK(verdict({3, 4}, {4, 3}, {0, 0, 0, 1, 4}));
  CHECK(verdict({2, 3, 4}, {3, 4, 2}, {0, 0, 4, 1, 12}));
  CHECK(verdict({2, 3, 4, 5}, {5, 2, 4, 3}, {0, 1, 60, 5, 20}));
  CHECK(!verdict({12}, {11}, {0, 0, 0, 0, 1}));
  CHECK(!verdict({12}, {11}, {1, 0, 0, 0, 1}));
  CHECK(!verdict({12}, {12}, {3, 0, 0, 0, 0}));
  CHECK(verdict({12}, {3, 4}, {0, 0, 0, 1, 3}));
  CHECK(!verdict({12}, {3, 4}, {0, 0, 0, 1, 1}));
  CHECK(!verdict({12}, {2, 12}, {0, 0, 0, 0, 1}));
  CHECK(!verdict({12}, {2, 2, 3}, {0, 0, 3, 3, 1}));
}

TEST_CASE("gather takes rows of i8, f16 and f32, by an index of f32 or i32") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const DType dtype : {DType::I8, DType::F16, DType::F32}) {
      const P p = gathering(dtype, 3);
      Rig rig(p, table);
      ReferenceMachine reference(p);
      if (dtype == DType::F16) {
        CHECK(floats_of(rig.tick({0, 1, -0.0f})) ==
              Floats{1, -2, 0x1p-24f, -0.0f, 65504, 0x1.ff8p-15f, 1, -2, 0x1p-24f});
        continue;
      }
      Dice dice{6};
      for (int i = 0; i < 50; ++i) {
        Floats index(3);
        for (float& k : index) k = static_cast<float>(dice.below(5)) - (dice.below(9) == 0);
        CHECK(rig.tick(index) == reference.tick(index));
        CHECK(rig.fault == reference.fault);
      }
    }
  });
}

TEST_CASE("an index that names no row is a fault, whatever it is") {
  for_each_table([](const kernels::KernelTable& table) {
    Rig rig(gathering(DType::I8, 1), table);
    for (const float good : {0.0f, -0.0f, 1.0f, 3.0f}) {
      rig.tick({good});
      CHECK(!rig.fault);
    }
    for (const float bad : {-1.0f, 4.0f, 0.5f, 2.999f, 1e9f, -1e30f, 0x1p31f, 3e38f, 0x1p-149f}) {
      CHECK(floats_of(rig.tick({bad})) == Floats{0, 0, 0});
      CHECK(rig.fault);
    }
  });
}

TEST_CASE("an i32 index is checked against its table too") {
  P p;
  const uint16_t x = p.input("x", 5);
  const uint16_t best = p.add({.dtype = DType::I32, .storage = Storage::Arena, .dims = {1}});
  const uint16_t table = p.matrix(3, 2, {1, 2, 3, 4, 5, 6});
  p.op(Opcode::Argmax, best, {x});
  p.op(Opcode::Gather, p.image("y", Storage::Output, {1, 2}), {table, best});
  REQUIRE(code_of(p) == "OK");
  Rig rig(p);
  CHECK(floats_of(rig.tick({0, 0, 9, 0, 0})) == Floats{5, 6});
  CHECK(!rig.fault);
  rig.tick({0, 0, 0, 9, 0});
  CHECK(rig.fault);
}

TEST_CASE("a table may be read by a linear and a gather, and twice") {
  for_each_table([](const kernels::KernelTable& table) {
    P p;
    Dice dice{8};
    const uint16_t x = p.input("x", 3), index = p.input("index", 2);
    const uint16_t w = dice_weights(p, dice, 4, 3);
    p.op(Opcode::Linear, p.output("logits", 4), {x, w});
    p.op(Opcode::Gather, p.image("rows", Storage::Output, {2, 3}), {w, index});
    p.op(Opcode::Gather, p.image("again", Storage::Output, {2, 3}), {w, index});
    Rig rig(p, table);
    ReferenceMachine reference(p);
    CHECK(rig.tick({1, -2, 3, 0, 3}) == reference.tick({1, -2, 3, 0, 3}));
    CHECK(!rig.fault);
  });
}

TEST_CASE("gather refuses what is no table, no index and no rows of it") {
  const auto verdict = [](void (*change)(P&, InstructionSpec&)) {
    P p = gathering(DType::F32, 2);
    change(p, p.instructions[0]);
    return code_of(p);
  };
  CHECK(verdict([](P&, InstructionSpec&) {}) == "OK");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.in[0]].dtype = DType::I32; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.in[0]].dims = {2, 2, 3}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.in[0]].dims = {12}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.in[0]].dims = {6, 2}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.out].dims = {3, 3}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.out].dims = {2, 4}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.out].dims = {2, 3, 1}; }) ==
        "E_PROG_SHAPE");
  CHECK(verdict([](P& p, InstructionSpec& op) { p.tensors[op.in[1]].dims = {1, 2}; }) ==
        "E_PROG_SHAPE");
}

TEST_CASE("reductions give the bits of the reference, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{32};
    for (uint32_t n = 1; n <= 70; ++n) {
      const uint32_t rows = 1 + dice.below(6);
      for (const Opcode opcode : {Opcode::ReduceSum, Opcode::ReduceMean, Opcode::ReduceMax})
        compare(reduction(opcode, {rows, 2, n}, {2, rows}), table);
    }
  });
}

TEST_CASE("a reduction gives one element for each row, in any shape") {
  for (const Opcode opcode : {Opcode::ReduceSum, Opcode::ReduceMean, Opcode::ReduceMax}) {
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {2, 3})) == "OK");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {6})) == "OK");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {2, 3, 1})) == "OK");
    CHECK(code_of(reduction(opcode, {7}, {1})) == "OK");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {2, 5})) == "E_PROG_SHAPE");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {10})) == "E_PROG_SHAPE");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {1})) == "E_PROG_SHAPE");
    CHECK(code_of(reduction(opcode, {2, 3, 5}, {2, 3, 5})) == "E_PROG_SHAPE");
  }
}

TEST_CASE("top_k sorts, the first of equal ones first, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{33};
    for (uint32_t n = 1; n <= 40; ++n) {
      P p;
      const uint16_t x = p.input("x", n);
      p.op(Opcode::TopK, p.output("y", 1 + dice.below(n), DType::I32), {x});
      Rig rig(p, table);
      ReferenceMachine reference(p);
      for (int i = 0; i < 20; ++i) {
        Floats values(n);
        for (float& v : values) v = static_cast<float>(dice.below(i % 2 ? 5 : 500)) * -0.5f;
        CHECK(rig.tick(values) == reference.tick(values));
      }
      rig.tick(Floats(n, INFINITY));
      CHECK(rig.fault);
    }
  });
}

TEST_CASE("top_k gives at most as many as there are") {
  const auto verdict = [](uint32_t n, uint32_t k) {
    P p;
    const uint16_t x = p.input("x", n);
    p.op(Opcode::TopK, p.output("y", k, DType::I32), {x});
    return code_of(p);
  };
  CHECK(verdict(5, 1) == "OK");
  CHECK(verdict(5, 5) == "OK");
  CHECK(verdict(5, 6) == "E_PROG_SHAPE");
}

TEST_CASE("every f16 becomes the f32 of its value") {
  for (uint32_t half = 0; half <= 0xFFFF; ++half) {
    const uint32_t exponent = half >> 10 & 31;
    CHECK(vm::is_finite_half(static_cast<uint16_t>(half)) == (exponent != 31));
    if (exponent == 31) continue;
    const auto mantissa = static_cast<float>((half & 0x3FF) + (exponent == 0 ? 0u : 0x400u));
    const float size = std::ldexp(mantissa, static_cast<int>(exponent == 0 ? 1 : exponent) - 25);
    const float expected = half & 0x8000 ? -size : size;
    CHECK(word_of(vm::widened(static_cast<uint16_t>(half))) == word_of(expected));
  }
}

TEST_CASE("a linear of f16 weights gives the bits of one of the same f32 weights") {
  const std::vector<uint16_t> halves = {0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x03FF};
  Floats floats;
  for (const uint16_t half : halves) floats.push_back(vm::widened(half));
  const auto program = [&](bool is_half) {
    P p;
    const uint16_t x = p.input("x", 3);
    const uint16_t w = is_half ? half_matrix(p, 2, 3, halves) : p.matrix(2, 3, floats);
    p.slot(p.op(Opcode::Linear, p.output("y", 2), {x, w, p.constant({0.5f, -1})}), 4);
    return p;
  };
  for_each_table([&](const kernels::KernelTable& table) {
    Rig half(program(true), table), single(program(false), table);
    Dice dice{9};
    LoraSpec patch{.slot = 0, .rank = 1, .a = dice.weights(3), .a_scale = {0.01f}};
    patch.b = dice.weights(2), patch.b_scale = {0.1f, 0.2f};
    const AdapterBuilder adapter{.patches = {patch}};
    for (const bool is_adapted : {false, true}) {
      if (is_adapted) half.attach({{adapter, 0.5f}}), single.attach({{adapter, 0.5f}});
      for (int i = 0; i < 20; ++i) {
        const Floats x = dice.floats(3, 2);
        CHECK(half.tick(x) == single.tick(x));
      }
    }
    CHECK(half.program.certificate.cost_units == single.program.certificate.cost_units);
  });
}

TEST_CASE("f16 constants are finite") {
  for (const uint16_t half : std::vector<uint16_t>{0x7C00, 0xFC00, 0x7C01, 0xFFFF}) {
    P p;
    const uint16_t x = p.input("x", 1);
    p.op(Opcode::Linear, p.output("y", 1), {x, half_matrix(p, 1, 1, {half})});
    CHECK(code_of(p) == "E_PROG_NUMERIC");
  }
}

TEST_CASE("the certificates of moves and reductions, by hand") {
  const auto cost = [](const P& p) {
    const Sections sections = p.sections();
    vm::Program program;
    REQUIRE(!vm::validate(image_of(sections), program));
    CHECK(program.certificate.macs == 0);
    return program.certificate.cost_units;
  };
  CHECK(cost(strided({4}, {7}, {0, 0, 0, 0, 0})) == 500 + 8 * 7);
  CHECK(cost(gathering(DType::F32, 2)) == 500 + 8 * (6 + 2 * 2));
  CHECK(cost(reduction(Opcode::ReduceSum, {3, 5}, {3})) == 500 + 6 * 3 * 32);
  CHECK(cost(reduction(Opcode::ReduceMean, {3, 16}, {3})) == 500 + 6 * 3 * 32);
  CHECK(cost(reduction(Opcode::ReduceMax, {3, 17}, {3})) == 500 + 8 * 3 * 48);
  P p;
  const uint16_t x = p.input("x", 9);
  p.op(Opcode::TopK, p.output("y", 2, DType::I32), {x});
  CHECK(cost(p) == 500 + 6 * 9 * 3);
}

}  // namespace plasma::test
