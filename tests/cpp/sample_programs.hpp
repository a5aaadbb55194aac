// SPDX-License-Identifier: Apache-2.0
// sample_programs.hpp -- the programs that tests of the machine and of the runtime start from.
#pragma once

#include <array>
#include <cmath>

#include "program_builder.hpp"
#include "vm/rules.hpp"

namespace plasma::test {

// splitmix64: the same numbers on every machine.
struct Dice {
  uint64_t state;
  uint64_t bits() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  uint32_t below(uint64_t n) { return static_cast<uint32_t>(bits() % n); }
  // In [-1, 1).
  float number() {
    return static_cast<float>(static_cast<int32_t>(bits() >> 40) - (1 << 23)) * 0x1p-23f;
  }
  Floats floats(size_t n, float size = 1) {
    Floats values(n);
    for (float& value : values) value = number() * size;
    return values;
  }
  Floats scales(size_t n) {
    Floats values(n);
    for (float& value : values) value = 0.004f + std::fabs(number()) * 0.01f;
    return values;
  }
  Weights weights(size_t n) {
    Weights values(n);
    for (int8_t& value : values) value = static_cast<int8_t>(static_cast<int>(below(255)) - 127);
    return values;
  }
};

inline uint16_t dice_weights(ProgramBuilder& program, Dice& dice, uint32_t rows, uint32_t cols) {
  const Weights values = dice.weights(size_t{rows} * cols);
  return program.weights(rows, cols, values, dice.scales(rows));
}

// A program with a part of every kind, and names for its parts.
//
//   obs[6], cmd[2] -> normalize, concat -> GRU cell of int8 gates and state h[3] -> f32 head y[4]
//   -> squash -> act[4], an actuator; argmax -> choice, another.
namespace sample {

enum Tensor : uint16_t {
  kObs,
  kCmd,
  kMean,
  kScale,
  kNormal,
  kJoined,
  kWi,
  kWiScale,
  kBi,
  kGi,
  kWh,
  kWhScale,
  kGh,
  kH,
  kNext,
  kWo,
  kBo,
  kY,
  kGain,
  kOffset,
  kAct,
  kChoice,
  kTensors
};
enum Op : uint16_t {
  kNormalize,
  kConcat,
  kGateIn,
  kGateState,
  kCell,
  kCarry,
  kHead,
  kSquash,
  kPick,
  kOps
};

inline ProgramBuilder program() {
  ProgramBuilder p;
  Dice dice{1};
  p.input("obs", 6);
  p.input("cmd", 2);
  p.constant({0.1f, 0, 0, -0.1f, 0, 0});
  p.constant({1, 2, 0.5f, 1, 1, 1});
  p.arena(6);
  p.arena(8);
  dice_weights(p, dice, 9, 8);
  p.constant(dice.floats(9, 0.1f));
  p.arena(9);
  dice_weights(p, dice, 9, 3);
  p.arena(9);
  p.state(3);
  p.arena(3);
  p.matrix(4, 3, dice.floats(12));
  p.constant(dice.floats(4));
  p.arena(4);
  p.constant({2, 2, 2, 2});
  p.constant({0, 0, 0, 0.5f});
  p.output("act", 4);
  p.output("choice", 1, DType::I32);

  p.op(Opcode::Normalize, kNormal, {kObs, kMean, kScale});
  p.op(Opcode::Concat, kJoined, {kNormal, kCmd});
  p.op(Opcode::Linear, kGi, {kJoined, kWi, kBi});
  p.op(Opcode::Linear, kGh, {kH, kWh});
  p.op(Opcode::Gru, kNext, {kGi, kGh, kH});
  p.op(Opcode::Copy, kH, {kNext});
  p.op(Opcode::Linear, kY, {kNext, kWo, kBo});
  p.op(Opcode::Squash, kAct, {kY, kGain, kOffset});
  p.op(Opcode::Argmax, kChoice, {kY});

  p.slot(kGateIn, 4);
  p.slot(kHead, 2);
  p.actuate<float>("act", {-1, -1, -1, -1}, {1, 1, 1, 1}, {0, 0, 0, 0}, {0, 0.5f, 0, 0});
  p.actuate<int32_t>("choice", {0}, {3}, {1});
  return p;
}

// Fits both slots of program().
inline AdapterBuilder adapter(uint64_t seed = 7) {
  Dice dice{seed};
  LoraSpec gate{.slot = 0, .rank = 3, .scale = 0.5f};
  gate.a = dice.weights(3 * 8);
  gate.a_scale = dice.scales(3);
  gate.b = dice.weights(9 * 3);
  gate.b_scale = dice.scales(9);
  LoraSpec head{.slot = 1, .rank = 2, .scale = 2};
  head.a = dice.weights(2 * 3);
  head.a_scale = dice.scales(2);
  head.b = dice.weights(4 * 2);
  head.b_scale = dice.scales(4);
  head.bias = dice.floats(4, 0.2f);
  return {.patches = {gate, head}};
}

}  // namespace sample

// A patch for every slot of a base.
inline AdapterBuilder adapter_for(const ProgramBuilder& base, uint64_t seed, bool has_bias) {
  Dice dice{seed};
  AdapterBuilder adapter;
  for (size_t i = 0; i < base.slots.size(); ++i) {
    const SlotSpec& slot = base.slots[i];
    const uint16_t rank = static_cast<uint16_t>(1 + dice.below(slot.max_rank));
    adapter.patches.push_back({.slot = static_cast<uint16_t>(i),
                               .rank = rank,
                               .scale = dice.number(),
                               .a = dice.weights(size_t{rank} * slot.in),
                               .a_scale = dice.scales(rank),
                               .b = dice.weights(size_t{slot.out} * rank),
                               .b_scale = dice.scales(slot.out),
                               .bias = has_bias ? dice.floats(slot.out) : Floats{}});
  }
  return adapter;
}

// x[n] -> one instruction of this opcode -> y: the least program that has it. Empty when nobody has
// written one, which test_vm_opcodes.cpp refuses.
struct OneOp {
  ProgramBuilder program = {};
  uint16_t op = 0;  // index of the instruction
  bool exists = true;
};

// Elements of x for each element of y.
inline uint32_t inputs_per_output(Opcode opcode) {
  switch (opcode) {
    case Opcode::Gru: return 3;
    case Opcode::LstmCell:
    case Opcode::LstmHidden: return 4;
    case Opcode::Strided: return 2;
    default: return 1;
  }
}

inline OneOp one_op(Opcode opcode) {
  OneOp one;
  ProgramBuilder& p = one.program;
  const uint32_t ratio = inputs_per_output(opcode);
  const uint16_t x = p.input("x", 2 * ratio);
  switch (opcode) {
    case Opcode::Linear: {
      const uint16_t w = p.weights(3, 2, {1, -2, 3, 4, 127, -127}, {1, 0.5f, 2});
      const uint16_t b = p.constant({0.5f, 0, -1});
      one.op = p.op(opcode, p.output("y", 3), {x, w, b});
      break;
    }
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Div: {
      const uint16_t b = p.input("b", 2);
      one.op = p.op(opcode, p.output("y", 2), {x, b});
      break;
    }
    case Opcode::Select: {
      const uint16_t a = p.input("a", 2);
      const uint16_t b = p.input("b", 2);
      one.op = p.op(opcode, p.output("y", 2), {x, a, b});
      break;
    }
    case Opcode::Normalize:
    case Opcode::Clamp:
    case Opcode::Squash:
    case Opcode::LayerNorm: {
      const uint16_t low = p.constant({-1, -0.5f});
      const uint16_t high = p.constant({1, 0.5f});
      const float eps = opcode == Opcode::LayerNorm ? 1e-5f : 0.0f;
      one.op = p.op(opcode, p.output("y", 2), {x, low, high}, eps);
      break;
    }
    case Opcode::RmsNorm: {
      const uint16_t gain = p.constant({1, -0.5f});
      one.op = p.op(opcode, p.output("y", 2), {x, gain}, 1e-6f);
      break;
    }
    case Opcode::LeakyRelu:
    case Opcode::Elu: one.op = p.op(opcode, p.output("y", 2), {x}, 0.25f); break;
    case Opcode::Relu:
    case Opcode::Silu:
    case Opcode::Sigmoid:
    case Opcode::Tanh:
    case Opcode::Abs:
    case Opcode::Sqrt:
    case Opcode::Exp:
    case Opcode::Softplus:
    case Opcode::Erf:
    case Opcode::Round:
    case Opcode::Log:
    case Opcode::Sin:
    case Opcode::Cos:
    case Opcode::Softmax:
    case Opcode::Copy: one.op = p.op(opcode, p.output("y", 2), {x}); break;
    case Opcode::Gru:
    case Opcode::LstmCell:
    case Opcode::LstmHidden: {
      const uint16_t gh = p.input("gh", 2 * ratio);
      const uint16_t h = p.input("h", 2);
      one.op = p.op(opcode, p.output("y", 2), {x, gh, h});
      break;
    }
    case Opcode::Concat: {
      const uint16_t b = p.input("b", 3);
      one.op = p.op(opcode, p.output("y", 5), {x, b});
      break;
    }
    case Opcode::Strided:
      one.op = p.op(opcode, p.output("y", 2), {x}, 3);
      p.instructions[0].more = {0, 0, 0, -2};
      break;
    case Opcode::Gather: {
      const uint16_t table = p.weights(2, 3, {1, -2, 3, 4, 127, -127}, {1, 0.5f});
      one.op = p.op(opcode, p.image("y", Storage::Output, {2, 3}), {table, x});
      break;
    }
    case Opcode::ReduceSum:
    case Opcode::ReduceMean:
    case Opcode::ReduceMax: {
      p = {};
      const uint16_t rows = p.image("x", Storage::Input, {2, 19});
      one.op = p.op(opcode, p.output("y", 2), {rows});
      break;
    }
    case Opcode::TopK: one.op = p.op(opcode, p.output("y", 2, DType::I32), {x}); break;
    case Opcode::Argmax: one.op = p.op(opcode, p.output("y", 1, DType::I32), {x}); break;
    case Opcode::Conv2d: {
      p = {};
      const uint16_t image = p.image("x", Storage::Input, {3, 2, 2});
      const uint16_t w = p.kernels({2, 2, 1, 2}, {1, -2, 3, 4, 127, -127, 5, 6}, {1, 0.5f});
      const uint16_t b = p.constant({0.5f, -1});
      const uint16_t y = p.image("y", Storage::Output, {4, 2, 2});
      one.op = p.op(opcode, y, {image, w, b}, 1);
      p.instructions[0].more = {1, 1, 0, 1, 0, 1, 1};
      break;
    }
    case Opcode::MaxPool2d:
    case Opcode::AvgPool2d: {
      p = {};
      const uint16_t image = p.image("x", Storage::Input, {3, 2, 2});
      one.op = p.op(opcode, p.image("y", Storage::Output, {3, 1, 2}), {image}, 2);
      p.instructions[0].more = {2, 1, 1, 1, 0, 0, 0};
      break;
    }
    case Opcode::Uniform:
    case Opcode::Normal: {
      one.op = p.op(opcode, p.image("y", Storage::Output, {3, 2}), {});
      p.op(Opcode::Copy, p.output("echo", 2), {x});  // every program has an input
      break;
    }
    case Opcode::Attention: {
      p = {};
      const uint16_t q = p.image("x", Storage::Input, {2, 4});
      const uint16_t k = p.image("k", Storage::Input, {3, 4});
      const uint16_t v = p.image("v", Storage::Input, {3, 4});
      const uint16_t mask = p.image("mask", Storage::Input, {2, 3});
      one.op = p.op(opcode, p.image("y", Storage::Output, {2, 4}), {q, k, v, mask}, 2);
      p.instructions[0].more = {0.7f, 0, 0, 0};
      break;
    }
    default: one.exists = false;
  }
  return one;
}

inline Status verdict_of(const Sections& sections) {
  vm::Program program;
  return vm::validate(image_of(sections), program).status;
}
inline Status verdict_of(const ProgramBuilder& builder) { return verdict_of(builder.sections()); }

}  // namespace plasma::test
