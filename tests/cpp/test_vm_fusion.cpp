// SPDX-License-Identifier: Apache-2.0
// test_vm_fusion.cpp -- what the machine does together: an int8 layer with the relu behind it and
// with the peak that the next layer needs. Bits and faults stay those of the instructions apart.
#include "comparison.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

struct WithRelu {
  bool relu_is_output = false;
};
constexpr uint16_t kConv = 2, kRelu = 3;

// x -> copy -> conv2d -> relu, and a conv2d again unless the relu is the output.
P with_relu(const WithRelu& kind) {
  P p;
  Dice dice{6};
  const uint16_t x = p.image("x", Storage::Input, {4, 4, 4});
  const uint16_t copied = p.image("", Storage::Arena, {4, 4, 4});
  const uint16_t conv = p.image("", Storage::Arena, {4, 4, 4});
  const uint16_t relu = p.image(kind.relu_is_output ? "y" : "",
                                kind.relu_is_output ? Storage::Output : Storage::Arena, {4, 4, 4});
  const auto add = [&](uint16_t from, uint16_t to) {
    const uint16_t w = p.kernels({4, 1, 1, 4}, dice.weights(16), dice.scales(4));
    p.op(Opcode::Conv2d, to, {from, w}, 1);
    p.instructions.back().more = {1, 0, 0, 0, 0, 1, 1};
  };
  p.op(Opcode::Copy, copied, {x});
  p.tensors[copied].offset = 0;
  p.tensors[conv].offset = 1'024;
  if (!kind.relu_is_output) p.tensors[relu].offset = 2'048;
  add(copied, conv);
  p.op(Opcode::Relu, relu, {conv});
  if (!kind.relu_is_output) add(relu, p.image("y", Storage::Output, {4, 4, 4}));
  return p;
}

struct Layers {
  uint32_t tokens = 1;
  bool is_i8 = true;
  bool relu_is_output = false;
};

// x -> linear -> relu in place -> linear, or the relu is the output. Patches attach to the first.
P linear_and_relu(const Layers& layers) {
  P p;
  Dice dice{7};
  const uint32_t tokens = layers.tokens;
  const uint16_t x = p.image("x", Storage::Input, {tokens, 20});
  const uint16_t w =
      layers.is_i8 ? dice_weights(p, dice, 37, 20) : p.matrix(37, 20, dice.floats(size_t{37} * 20));
  const uint16_t hidden = p.image("", Storage::Arena, {tokens, 37});
  p.op(Opcode::Linear, hidden, {x, w, p.constant(dice.floats(37))});
  p.slot(0, 4);
  if (layers.relu_is_output) {
    p.op(Opcode::Relu, p.image("y", Storage::Output, {tokens, 37}), {hidden});
    return p;
  }
  const uint16_t relu = p.image("", Storage::Arena, {tokens, 37});
  p.tensors[hidden].offset = p.tensors[relu].offset = 0;
  p.op(Opcode::Relu, relu, {hidden});
  p.op(Opcode::Linear, p.image("y", Storage::Output, {tokens, 5}),
       {relu, dice_weights(p, dice, 5, 37)});
  return p;
}

// x -> a layer of 2 rows, the second of them beyond all bounds -> the first alone.
P first_row_of_two(Opcode layer) {
  P p;
  const uint16_t x = p.image("x", Storage::Input, {1, 1, 4});
  const bool is_conv = layer == Opcode::Conv2d;
  const Weights weights(8, 127);
  const Floats scales = {1, 0x1p+40f};
  const uint16_t w =
      is_conv ? p.kernels({2, 1, 1, 4}, weights, scales) : p.weights(2, 4, weights, scales);
  const uint16_t both = p.image("", Storage::Arena, {1, 1, 2});
  p.op(layer, both, {x, w}, is_conv ? 1.0f : 0.0f);
  if (is_conv) p.instructions.back().more = {1, 0, 0, 0, 0, 1, 1};
  p.op(Opcode::Strided, p.image("y", Storage::Output, {1}), {both});
  p.instructions.back().more = {0, 0, 0, 0};
  return p;
}

}  // namespace

TEST_CASE("a conv2d and its relu are one step, where nobody else reads and nothing else lies") {
  const P plain = with_relu({});
  P in_place = plain, over_x = plain, read_twice = plain;
  in_place.tensors[kRelu].offset = 1'024;
  over_x.tensors[kRelu].offset = 0;
  read_twice.op(Opcode::Copy, read_twice.image("z", Storage::Output, {4, 4, 4}), {kConv});
  const P outputs = with_relu({.relu_is_output = true});
  const auto is_one = [](const P& p) { return Rig(p).model.ops()[1].then == Opcode::Relu; };
  CHECK(is_one(in_place));
  CHECK(is_one(outputs));
  CHECK(!is_one(over_x));
  CHECK(!is_one(plain));
  CHECK(!is_one(read_twice));
  for_each_table([&](const kernels::KernelTable& table) {
    for (const P& p : {plain, in_place, over_x, read_twice, outputs}) compare(p, table);
  });
}

TEST_CASE("a fault inside a conv2d is noted, though its relu hides it") {
  P p = with_relu({.relu_is_output = true});
  TensorSpec& scales = p.tensors[p.tensors[p.instructions[1].in[1]].scale];
  scales.values = words(Floats(4, 0x1p+40f));
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    static_cast<void>(rig.tick(Floats(rig.input_count(), 1)));
    CHECK(!rig.fault);
    static_cast<void>(rig.tick(Floats(rig.input_count(), 0x1p+127f)));
    CHECK(rig.fault);
    static_cast<void>(rig.tick(Floats(rig.input_count(), -0x1p+127f)));
    CHECK(rig.fault);
  });
}

TEST_CASE("what a conv2d quantises is measured where it is written, whatever lies between") {
  // x -> channels last -> conv -> relu -> conv -> y, and both images once more after another.
  P p;
  Dice dice{8};
  const uint16_t x = p.image("x", Storage::Input, {2, 6, 5});
  const uint16_t last = p.image("", Storage::Arena, {6, 5, 2});
  p.op(Opcode::Strided, last, {x});
  p.instructions.back().more = {0, 5, 1, 30};
  const auto conv = [&](uint16_t from, uint32_t channels, uint16_t to) {
    const uint16_t w =
        p.kernels({channels, 1, 1, p.tensors[from].dims[2]},
                  dice.weights(channels * p.tensors[from].dims[2]), dice.scales(channels));
    p.op(Opcode::Conv2d, to, {from, w}, 1);
    p.instructions.back().more = {1, 0, 0, 0, 0, 1, 1};
    return to;
  };
  const uint16_t a = conv(last, 3, p.image("", Storage::Arena, {6, 5, 3}));
  const uint16_t pooled = p.image("", Storage::Arena, {6, 5, 3});
  p.op(Opcode::Abs, pooled, {a});
  const uint16_t b = conv(a, 4, p.image("", Storage::Arena, {6, 5, 4}));
  conv(pooled, 2, p.image("y", Storage::Output, {6, 5, 2}));
  conv(last, 2, p.image("z", Storage::Output, {6, 5, 2}));
  conv(b, 2, p.image("w", Storage::Output, {6, 5, 2}));
  for_each_table([&](const kernels::KernelTable& table) { compare(p, table); });
}

TEST_CASE("what a strided leaves out of an image does not count for the conv2d after it") {
  for (const float width : {3.0f, 1.0f}) {  // some again, some never
    P p;
    Dice dice{9};
    const uint16_t x = p.image("x", Storage::Input, {4, 3, 2});
    const uint16_t part = p.image("", Storage::Arena, {4, 3, 2});
    p.op(Opcode::Strided, part, {x});
    p.instructions.back().more = {0, width, 2, 1};
    const uint16_t w = p.kernels({2, 1, 1, 2}, dice.weights(4), dice.scales(2));
    p.op(Opcode::Conv2d, p.image("y", Storage::Output, {4, 3, 2}), {part, w}, 1);
    p.instructions.back().more = {1, 0, 0, 0, 0, 1, 1};
    for_each_table([&](const kernels::KernelTable& table) { compare(p, table); });
  }
}

TEST_CASE("an int8 linear and its relu are one step, with patches and without") {
  const auto first = [](const Layers& layers) {
    return Rig(linear_and_relu(layers)).model.ops()[0].then;
  };
  CHECK(first({}) == Opcode::Relu);
  CHECK(first({.tokens = 40, .relu_is_output = true}) == Opcode::Relu);
  CHECK(first({.is_i8 = false}) == Opcode{});
  for_each_table([&](const kernels::KernelTable& table) {
    for (const uint32_t tokens : {1u, 2u, 16u, 40u}) {
      for (const bool is_i8 : {true, false}) {
        for (const bool relu_is_output : {true, false}) {
          const P p = linear_and_relu({tokens, is_i8, relu_is_output});
          const Rig::Adapter with_bias{adapter_for(p, 3, true), 0.7f};
          const Rig::Adapter without{adapter_for(p, 2, false), 1};
          compare(p, table);
          compare(p, table, {with_bias});
          compare(p, table, {without});
          compare(p, table, {with_bias, without});
          compare(p, table, {without, with_bias});
        }
      }
    }
  });
}

TEST_CASE("a row that nobody reads is no fault, whatever is in it") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const Opcode layer : {Opcode::Linear, Opcode::Conv2d}) {
      Rig rig(first_row_of_two(layer), table);
      static_cast<void>(rig.tick(Floats(4, 0x1p+100f)));
      CHECK(!rig.fault);
    }
  });
}

}  // namespace plasma::test
