// SPDX-License-Identifier: Apache-2.0
// test_runtime_threads.cpp -- adapters swapped under a control thread that never stops, and two
// threads that step at once. Meant to run under ThreadSanitizer too.
#include <atomic>
#include <set>
#include <thread>

#include "robot_packets.hpp"

namespace plasma::test {
namespace {

const Floats kObs = {0.5f, -1, 0.25f};

// No state, so that each plan has one answer.
ProgramBuilder reflex() {
  ProgramBuilder p;
  Dice dice{1};
  const uint16_t x = p.input("x", 3);
  p.op(Opcode::Linear, p.output("y", 4), {x, dice_weights(p, dice, 4, 3)});
  p.slot(0, 2);
  return p;
}

AdapterBuilder skill(uint64_t seed) {
  Dice dice{seed};
  return {.patches = {{.rank = 2,
                       .a = dice.weights(2 * 3),
                       .a_scale = dice.scales(2),
                       .b = dice.weights(4 * 2),
                       .b_scale = dice.scales(4)}}};
}

// One round of everything that can change a plan, and the gains of (one, two) after each call.
struct Round {
  Blob one = adapter_packet(reflex(), skill(1)).build();
  Blob two = adapter_packet(reflex(), skill(2)).build();

  static constexpr float kGains[][2] = {{0, 0}, {1, 0}, {0.5f, 0}, {0.5f, 1}, {0, 0.25f}};

  int run(Policy& policy) const {
    const NamedGain half[] = {{"one", 0.5f}};
    const NamedGain cross[] = {{"one", 0}, {"two", 0.25f}};
    const NamedGain off[] = {{"two", 0}};
    int errors = 0;
    const auto expect = [&errors](const Error& error) { errors += error ? 1 : 0; };
    expect(policy.attach(one, "one", 1));
    expect(policy.set_gains(half));
    expect(policy.attach(two, "two", 1));
    expect(policy.set_gains(cross));  // both at one tick: (0.5, 0.25) and (0, 1) are never seen
    expect(policy.detach("one"));
    expect(policy.set_gains(off));
    expect(policy.detach("two"));
    return errors;
  }
};

// What a step may answer, from the machine alone.
std::set<Blob> legal_answers() {
  const bool one_first = adapter_packet(reflex(), skill(1)).content_digest() <
                         adapter_packet(reflex(), skill(2)).content_digest();
  Rig rig(reflex());
  std::set<Blob> answers;
  for (const auto& [one, two] : Round::kGains) {
    std::vector<Rig::Adapter> adapters = {{skill(1), one}, {skill(2), two}};
    if (!one_first) std::swap(adapters[0], adapters[1]);
    rig.attach(adapters);
    answers.insert(rig.tick(kObs));
  }
  return answers;
}

}  // namespace

TEST_CASE("200,000 steps under a storm of attach, detach and gains give legal answers only") {
  const std::set<Blob> legal = legal_answers();
  CHECK(legal.size() == std::size(Round::kGains));
  Robot robot = load_robot(base_packet(reflex()));
  const Round round;
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0}, errors{0};
  std::thread swapper([&] {
    while (!stop) {
      errors += round.run(*robot.policy);
      ++rounds;
    }
  });
  std::thread reader([&] {
    while (!stop) {
      static_cast<void>(robot.policy->stats());
      static_cast<void>(robot.policy->adapters());
      std::this_thread::yield();
    }
  });
  std::set<Blob> seen;
  int steps = 0, illegal = 0;
  while (steps < 200'000 || rounds < 20) {
    const Blob& answer = robot.step(kObs);
    ++steps;
    illegal += robot.result != StepResult::Ok || legal.count(answer) == 0;
    seen.insert(answer);
  }
  stop = true;
  swapper.join();
  reader.join();
  CHECK(illegal == 0);
  CHECK(errors == 0);
  CHECK(seen.size() > 1);
  CHECK(robot.policy->stats().steps == static_cast<uint64_t>(steps));
  MESSAGE(rounds.load() << " rounds of 7 changes, " << seen.size() << " of " << legal.size()
                        << " answers seen");
}

TEST_CASE("a second thread inside step is told so, and changes nothing") {
  ProgramBuilder p;
  const uint16_t x = p.input("x", 1000);
  p.op(Opcode::Linear, p.output("y", 1000), {x, p.matrix(1000, 1000, Floats(1'000'000, 0.5f))});
  LoadOptions options;
  options.kernels = "scalar";
  const Robot robot = load_robot(base_packet(p), options);
  std::atomic<uint64_t> done{0}, busy{0};
  const auto control = [&] {
    const Floats obs(1000, 1);
    Floats act(1000);
    const float* input = obs.data();
    void* output = act.data();
    for (int i = 0; i < 5000 && busy == 0; ++i) {
      act[0] = -1;
      const StepResult result = robot.policy->step(&input, &output);
      const bool is_busy = result == StepResult::Busy;
      if ((act[0] == -1) != is_busy) return;  // the count below will tell
      ++(is_busy ? busy : done);
    }
  };
  std::thread one(control), two(control);
  one.join();
  two.join();
  CHECK(busy > 0);
  CHECK(robot.policy->stats().steps == done);
  CHECK(robot.policy->reset());
}

}  // namespace plasma::test
