// SPDX-License-Identifier: Apache-2.0
// test_vm_interpreter.cpp -- ticks against reference_machine.hpp, bit for bit, on every kernel
// table; and what a tick promises about faults, state and limits.
#include "machine_rig.hpp"
#include "reference_machine.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

// obs -> int8 layers of these widths with `activation` between them -> act.
P mlp(const std::vector<uint32_t>& widths, Opcode activation) {
  P p;
  Dice dice{3};
  uint16_t x = p.input("obs", widths[0]);
  for (size_t i = 1; i < widths.size(); ++i) {
    const uint16_t w = dice_weights(p, dice, widths[i], widths[i - 1]);
    const uint16_t b = p.constant(dice.floats(widths[i], 0.5f));
    const uint16_t y = p.arena(widths[i]);
    p.slot(p.op(Opcode::Linear, y, {x, w, b}), 8);
    x = y;
    if (i + 1 == widths.size()) break;
    x = p.arena(widths[i]);
    p.op(activation, x, {y});
  }
  p.op(Opcode::Tanh, p.output("act", widths.back()), {x});
  return p;
}

// Mostly ordinary numbers, some of them whole; now and then one at the edge of what f32 holds, or
// not a number.
Floats draw_inputs(Dice& dice, size_t n) {
  Floats inputs = dice.floats(n, 2);
  if (dice.below(4) == 0) {
    for (float& value : inputs) value = std::round(value);
  }
  const float edges[] = {0,        -0.0f,      0x1p-149f, 0x1p-100f,     1e30f,
                         -3.3e38f, INFINITY,   -INFINITY, std::nanf(""), 0x1p-126f,
                         -87.5f,   12582913.f, 1e-30f};
  if (dice.below(4) == 0) inputs[dice.below(n)] = edges[dice.below(std::size(edges))];
  return inputs;
}

// The same ticks on the machine and on the reference.
void compare(const P& program, const kernels::KernelTable& table, int ticks,
             const std::vector<Rig::Adapter>& adapters = {}) {
  Rig rig(program, table);
  rig.attach(adapters);
  std::vector<ReferenceMachine::Adapter> same;
  for (const Rig::Adapter& adapter : adapters) same.push_back({adapter.builder, adapter.gain});
  ReferenceMachine reference(program, same);
  Dice dice{11};
  int differences = 0, faults = 0;
  for (int i = 0; i < ticks; ++i) {
    const Floats inputs = draw_inputs(dice, rig.input_count());
    differences += rig.tick(inputs) != reference.tick(inputs);
    differences += rig.fault != reference.fault;
    faults += rig.fault;
  }
  CHECK(differences == 0);
  CHECK(faults > 0);
  CHECK(faults < ticks);
}

}  // namespace

TEST_CASE("every opcode gives the bits of the reference, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    for (const vm::OpcodeRow& row : vm::opcode_rows()) {
      CAPTURE(row.name);
      compare(one_op(row.opcode).program, table, 500);
    }
  });
}

TEST_CASE("a program with a part of every kind gives the bits of the reference") {
  for_each_table(
      [](const kernels::KernelTable& table) { compare(sample::program(), table, 2000); });
}

TEST_CASE("an MLP gives the bits of the reference") {
  for_each_table([](const kernels::KernelTable& table) {
    compare(mlp({17, 64, 33, 5}, Opcode::Relu), table, 300);
    compare(mlp({3, 130, 1}, Opcode::Elu), table, 300);
  });
}

TEST_CASE("a GRU with LoRA in its gates gives the bits of the reference") {
  for_each_table([](const kernels::KernelTable& table) {
    compare(sample::program(), table, 2000, {{sample::adapter(), 0.7f}});
  });
}

TEST_CASE("several adapters are added in their order, those with gain 0 skipped") {
  const P p = mlp({17, 64, 33, 5}, Opcode::Silu);
  const AdapterBuilder one = adapter_for(p, 5, true), two = adapter_for(p, 6, false);
  for_each_table([&](const kernels::KernelTable& table) {
    compare(p, table, 200, {{one, 1}, {two, 0.25f}});
    compare(p, table, 200, {{two, 0.25f}, {one, 1}});
    compare(p, table, 200, {{one, 0}, {two, 1}, {one, 0x1p-149f}});
  });
}

TEST_CASE("a gain of 0 gives the bits of no adapter") {
  const P p = mlp({4, 8, 2}, Opcode::Tanh);
  Rig with(p), without(p);
  with.attach({{adapter_for(p, 5, true), 0}});
  Dice dice{2};
  for (int i = 0; i < 100; ++i) {
    const Floats obs = dice.floats(4);
    CHECK(with.tick(obs) == without.tick(obs));
  }
}

TEST_CASE("an int8 layer comes close to the same layer in double") {
  Dice dice{9};
  const Weights w = dice.weights(8 * 100);
  const Floats scales = dice.scales(8);
  P p;
  const uint16_t x = p.input("x", 100);
  p.op(Opcode::Linear, p.output("y", 8), {x, p.weights(8, 100, w, scales)});
  const Floats obs = dice.floats(100);
  for_each_table([&](const kernels::KernelTable& table) {
    const Floats y = floats_of(Rig(p, table).tick(obs));
    for (size_t r = 0; r < 8; ++r) {
      double sum = 0, size = 0;
      for (size_t c = 0; c < 100; ++c) {
        const double weight = double{scales[r]} * w[r * 100 + c];
        sum += weight * obs[c];
        size += std::fabs(weight);
      }
      CHECK(std::fabs(y[r] - sum) <= size * 0.5 / 127 * 1.001);  // half a step of x each
    }
  });
}

TEST_CASE("a fault leaves the state as it was and gives the safe action") {
  for_each_table([](const kernels::KernelTable& table) {
    Rig rig(sample::program(), table);
    const Floats obs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};
    static_cast<void>(rig.tick(obs));
    const Blob before = rig.state();
    CHECK(before != Blob(before.size()));
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
      for (size_t i = 0; i < obs.size(); ++i) {
        Floats spoiled = obs;
        spoiled[i] = bad;
        CHECK(floats_of(rig.tick(spoiled)) == floats_of(words(Ints{0, 0, 0, 0, 1})));
        CHECK(rig.fault);
        CHECK(rig.state() == before);
      }
    }
  });
}

TEST_CASE("an overflow inside is a fault, though the action itself would be finite") {
  // 3e38 + 3e38 is infinite, and tanh of it is 1.
  P p;
  const uint16_t x = p.input("x", 1), sum = p.arena(1);
  p.op(Opcode::Add, sum, {x, x});
  p.op(Opcode::Tanh, p.output("act", 1), {sum});
  p.actuate<float>("act", {-1}, {1}, {0.25f});
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    CHECK(floats_of(rig.tick({3e38f})) == Floats{0.25f});
    CHECK(rig.fault);
    CHECK(floats_of(rig.tick({1e38f})) == Floats{1});
    CHECK(!rig.fault);
  });
}

TEST_CASE("a new state that is not finite is a fault, whatever the action is") {
  P p;
  const uint16_t x = p.input("x", 1), h = p.state(1);
  p.op(Opcode::Copy, p.output("act", 1), {x});
  p.op(Opcode::Mul, h, {x, x});
  p.op(Opcode::Copy, p.output("h", 1), {h});
  std::swap(p.instructions[1], p.instructions[2]);
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    CHECK(floats_of(rig.tick({3})) == Floats{3, 0});
    CHECK(floats_of(rig.tick({1e20f})) == Floats{0, 0});
    CHECK(rig.fault);
    CHECK(floats_of(rig.tick({2})) == Floats{2, 9});
  });
}

TEST_CASE("an action of zero takes the zero of the limit that it meets") {
  P p;
  const uint16_t x = p.input("x", 2);
  p.op(Opcode::Copy, p.output("act", 2), {x});
  p.actuate<float>("act", {0, -1}, {1, -0.0f}, {0, -1});
  Rig rig(p);
  CHECK(rig.tick({-0.0f, 0}) == words(Floats{0, -0.0f}));
}

TEST_CASE("the limits of an index are whole numbers") {
  const auto pick = [](int32_t low, int32_t high) {
    P p;
    const uint16_t x = p.input("x", 4);
    p.op(Opcode::Argmax, p.output("choice", 1, DType::I32), {x});
    p.actuate<int32_t>("choice", {low}, {high}, {high});
    return Rig(p).tick({0, 0, 1, 0});
  };
  CHECK(pick(-1, 3) == words(Ints{2}));
  CHECK(pick(-1, 1) == words(Ints{1}));
  CHECK(pick(3, 3) == words(Ints{3}));
}

TEST_CASE("rate limits count from what left the actuator, and not from the first tick") {
  P p;
  const uint16_t x = p.input("x", 2);
  p.op(Opcode::Copy, p.output("act", 2), {x});
  p.actuate<float>("act", {-1, -1}, {1, 1}, {-0.5f, 0}, {0.25f, 0});
  Rig rig(p);
  CHECK(floats_of(rig.tick({5, 5})) == Floats{1, 1});
  CHECK(floats_of(rig.tick({-5, -5})) == Floats{0.75f, -1});
  CHECK(floats_of(rig.tick({0.8f, 0})) == Floats{0.8f, 0});
  CHECK(floats_of(rig.tick({INFINITY, 0})) == Floats{-0.5f, 0});  // the safe action is not limited
  CHECK(floats_of(rig.tick({1, 0})) == Floats{-0.25f, 0});        // but the next one is, from it
  rig.frame.reset();
  CHECK(floats_of(rig.tick({1, 0})) == Floats{1, 0});
}

TEST_CASE("a tick reads no byte that the one before left undefined") {
  for_each_table([](const kernels::KernelTable& table) {
    Rig clean(sample::program(), table), dirty(sample::program(), table);
    clean.attach({{sample::adapter(), 1}});
    dirty.attach({{sample::adapter(), 1}});
    const vm::FrameLayout& layout = dirty.model.layout();
    Dice dice{4};
    for (int i = 0; i < 50; ++i) {
      const auto spoil = [&](uint32_t begin, uint32_t end) {
        std::memset(dirty.frame.data() + begin, 0xFF, end - begin);
      };
      spoil(layout.output, layout.state);
      spoil(layout.next_state, layout.previous);
      spoil(layout.quantized, layout.size);
      const Floats inputs = dice.floats(8);
      CHECK(clean.tick(inputs) == dirty.tick(inputs));
    }
  });
}

TEST_CASE("a frame is as large as the certificate and two states say") {
  const Rig rig(sample::program());
  CHECK(rig.frame.size() == rig.program.certificate.arena_bytes + 2 * 64);
}

TEST_CASE("a frame is at most 2 GiB, whatever the certificate says") {
  ProgramBuilder p = sample::program();
  p.tensors[sample::kY].offset = 0x80000000;
  const Sections sections = p.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  vm::Model model;
  CHECK(vm::Model::build(program, kernels::kScalar, kNoCap, model).status == Status::MemoryCap);
}

TEST_CASE("repacked constants count against the cap: narrow matrices grow") {
  P p;
  const uint16_t x = p.input("x", 1);
  p.op(Opcode::Linear, p.output("y", 1000),
       {x, p.weights(1000, 1, Weights(1000, 1), Floats(1000, 1))});
  const Sections sections = p.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  vm::Model model;
  CHECK(vm::Model::build(program, kernels::kScalar, 68'031, model).status == Status::MemoryCap);
  CHECK(!vm::Model::build(program, kernels::kScalar, 68'032, model));
}

}  // namespace plasma::test
