// SPDX-License-Identifier: Apache-2.0
// test_runtime_host.cpp -- a hostile host: its floating-point mode, its memory, its clock. Same
// bits, no allocation, right percentiles.
#include <chrono>

#include "allocation_count.hpp"
#include "host_mode.hpp"
#include "robot_packets.hpp"
#include "runtime/latency.hpp"
#include "runtime/step_clock.hpp"

namespace plasma::test {
namespace {

constexpr int kTicks = 10'000;

// x[4] -> products and differences as small as f32 goes, so that a flushed denormal shows.
ProgramBuilder tiny_numbers() {
  ProgramBuilder p;
  const uint16_t x = p.input("x", 4), y = p.arena(4);
  p.op(Opcode::Mul, y, {x, x});
  p.op(Opcode::Linear, p.output("sum", 1), {y, p.matrix(1, 4, {1, -1, 0.5f, 0x1p-3f})});
  p.op(Opcode::Copy, p.output("square", 4), {y});
  p.actuate<float>("square", {-1, -1, -1, -1}, {1, 1, 1, 0x1p-140f}, {0, 0, 0, 0},
                   {0, 0, 0x1p-149f, 0});
  p.slot(1, 1);
  return p;
}
AdapterBuilder tiny_adapter() {
  AdapterBuilder adapter;
  adapter.patches.push_back({.rank = 1,
                             .scale = 0x1p-100f,
                             .a = {1, 2, 3, 4},
                             .a_scale = {0x1p-30f},
                             .b = {127},
                             .b_scale = {1},
                             .bias = {0x1p-130f}});
  return adapter;
}

std::vector<Blob> flight(const PacketSpec& base, const PacketSpec& adapter, float gain, size_t n,
                         const kernels::KernelTable& table, float size) {
  LoadOptions options;
  options.kernels = table.name;
  Robot robot = load_robot(base, options);
  Dice dice{5};
  std::vector<Blob> outputs;
  for (int i = 0; i < 100; ++i) {
    if (i == 50) REQUIRE(robot.attach(adapter, "a", gain) == "OK");
    outputs.push_back(robot.step(dice.floats(n, size)));
  }
  return outputs;
}

bool is_close(double found, double expected) {
  return std::fabs(found - expected) <= 0.02 * expected;
}

}  // namespace

TEST_CASE("a host that flushes denormals and rounds upwards gets the same bits") {
  const PacketSpec base = base_packet(sample::program()), tiny = base_packet(tiny_numbers());
  const PacketSpec skill = adapter_packet(sample::program(), sample::adapter());
  const PacketSpec tiny_skill = adapter_packet(tiny_numbers(), tiny_adapter());
  for_each_table([&](const kernels::KernelTable& table) {
    const float drawn = 0x1p-70f;
    const auto one = flight(base, skill, 0.7f, 8, table, 2);
    const auto two = flight(tiny, tiny_skill, 0.7f, 4, table, drawn);
    const HostileMode hostile;
    CHECK(flight(base, skill, 0.7f, 8, table, 2) == one);
    CHECK(flight(tiny, tiny_skill, 0.7f, 4, table, drawn) == two);
    CHECK(fp_mode() == kHostile);
  });
}

TEST_CASE("the least gain is a gain, whatever the host takes it for") {
  const PacketSpec base = base_packet(sample::program());
  const PacketSpec skill = adapter_packet(sample::program(), sample::adapter());
  const float least = 0x1p-149f;
  for_each_table([&](const kernels::KernelTable& table) {
    const auto expected = flight(base, skill, least, 8, table, 2);
    const HostileMode hostile;
    CHECK(flight(base, skill, least, 8, table, 2) == expected);
  });
}

TEST_CASE("the validator judges denormals as they are, whatever the host does") {
  ProgramBuilder immediate = sample::program();
  immediate.poke(kProg, sample::kPick * kInstructionBytes + 32, 1, 4);
  ProgramBuilder limits = sample::program();
  put(limits.safe[0].high, 0, word_of(-0x1p-149f), 4);
  ProgramBuilder clamp = one_op(Opcode::Clamp).program;
  clamp.tensors[1].values = words(Floats{0, 0x1p-148f});
  clamp.tensors[2].values = words(Floats{0, 0x1p-149f});
  const HostileMode hostile;
  CHECK(verdict_of(immediate) == Status::ProgArity);
  CHECK(verdict_of(limits) == Status::ProgSafe);
  CHECK(verdict_of(clamp) == Status::ProgNumeric);
}

TEST_CASE("a step allocates nothing, with and without an adapter, faults included") {
  Robot robot = load_robot(base_packet(sample::program()));
  const Floats good = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1}, bad(8, INFINITY);
  const auto allocations = [&] {
    const uint64_t before = allocation_count();
    for (int i = 0; i < kTicks; ++i) static_cast<void>(robot.step(i % 100 == 0 ? bad : good));
    return allocation_count() - before;
  };
  CHECK(allocations() == 0);
  REQUIRE(robot.attach(adapter_packet(sample::program(), sample::adapter(1)), "a", 0.5f) == "OK");
  CHECK(allocations() == 0);
  REQUIRE(robot.attach(adapter_packet(sample::program(), sample::adapter(2)), "b", 1) == "OK");
  CHECK(allocations() == 0);
  CHECK(robot.policy->stats().steps == 3 * kTicks);
  CHECK(robot.policy->stats().faults == 3 * kTicks / 100);
}

TEST_CASE("changing gains between two steps does not allocate either") {
  Robot robot = load_robot(base_packet(sample::program()));
  REQUIRE(robot.attach(adapter_packet(sample::program(), sample::adapter(1)), "a", 1) == "OK");
  REQUIRE(robot.attach(adapter_packet(sample::program(), sample::adapter(2)), "b", 0) == "OK");
  const Floats obs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};
  const NamedGain swaps[2][2] = {{{"a", 0}, {"b", 1}}, {{"a", 1}, {"b", 0.5f}}};
  const uint64_t before = allocation_count();
  bool ok = true;
  for (int i = 0; i < kTicks; ++i) {
    ok = ok && !robot.policy->set_gains(swaps[i % 2]);
    if (i % 3 != 0) static_cast<void>(robot.step(obs));
  }
  CHECK(allocation_count() == before);
  CHECK(ok);
}

TEST_CASE("the count of allocations counts") {
  const uint64_t before = allocation_count();
  const auto block = std::make_unique<std::array<char, 100>>();
  CHECK(block != nullptr);
  AlignedBuffer buffer;
  REQUIRE(buffer.allocate(100));
  CHECK(allocation_count() - before >= 1);
}

TEST_CASE("the step clock goes as fast as the system's") {
  runtime::StepClock clock;
  const auto wait = [](std::chrono::microseconds time) {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < time) continue;
  };
  wait(std::chrono::microseconds(500));
  clock.calibrate();
  double best = INFINITY;  // of a few: between two readings the scheduler may do anything
  for (int i = 0; i < 20; ++i) {
    const auto system_begin = std::chrono::steady_clock::now();
    const uint64_t begin = clock.now();
    wait(std::chrono::microseconds(200));
    const uint64_t end = clock.now();
    const std::chrono::duration<double, std::nano> passed =
        std::chrono::steady_clock::now() - system_begin;
    const auto measured = static_cast<double>(clock.ns_between(begin, end));
    best = std::min(best, std::fabs(measured / passed.count() - 1));
  }
  CHECK(best < 0.01);
}

TEST_CASE("percentiles are right to within 2 percent, the maximum exactly") {
  runtime::Latency latency;
  CHECK(latency.stats().p50_us == 0);
  for (uint64_t i = 1; i <= 1000; ++i) latency.record(i * 1000, i % 10 == 0, i > 998);
  const Stats stats = latency.stats();
  CHECK(stats.steps == 1000);
  CHECK(stats.faults == 100);
  CHECK(stats.deadline_misses == 2);
  CHECK(is_close(stats.p50_us, 501));
  CHECK(is_close(stats.p99_us, 991));
  CHECK(is_close(stats.p999_us, 1000));
  CHECK(stats.max_us == 1000);
}

TEST_CASE("every time from 1 ns to minutes falls into a bucket that fits it") {
  for (uint64_t ns = 1; ns < 100'000'000'000; ns += 1 + ns / 37) {
    runtime::Latency latency;
    latency.record(ns, false, false);
    latency.record(ns * 2, false, false);  // keeps the maximum from capping the median
    latency.record(ns, false, false);
    CHECK(is_close(latency.stats().p50_us, static_cast<double>(ns) / 1e3));
  }
  runtime::Latency latency;
  latency.record(UINT64_MAX, false, false);
  CHECK(is_close(latency.stats().max_us, 1.8446744e16));
}

}  // namespace plasma::test
