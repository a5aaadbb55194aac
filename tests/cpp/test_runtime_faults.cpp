// SPDX-License-Identifier: Apache-2.0
// test_runtime_faults.cpp -- memory that runs out while a policy is loaded or an adapter attached.
#include "robot_packets.hpp"
#include "system_faults.hpp"

namespace plasma::test {
namespace {

const Floats kObs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};

PacketSpec golden(PacketSpec spec, std::vector<Rig::Adapter> adapters) {
  Rig rig(sample::program());
  rig.attach(adapters);
  add_gold(spec, gold_of(rig, {kObs}));
  return spec;
}

// How often `work` has to be tried until memory suffices; every answer before says that it did not.
template <class Work>
int tries(Work work) {
  for (int allocations = 0;; ++allocations) {
    SystemFaults faults;
    faults.memory_for = allocations;
    const std::string code = work();
    if (code == "OK") return allocations + 1;
    CHECK(code == "E_OUT_OF_MEMORY");
    if (code != "E_OUT_OF_MEMORY") return 0;
  }
}

}  // namespace

TEST_CASE("a policy that memory runs out for is refused, at whatever allocation") {
  const Blob packet = golden(base_packet(sample::program()), {}).build();
  CHECK(tries([&] { return Robot().load(packet); }) > 10);
}

TEST_CASE("an adapter that memory runs out for is refused, and the policy goes on") {
  Robot robot = load_robot(base_packet(sample::program()));
  const Blob before = robot.step(kObs);
  const AdapterBuilder adapter = sample::adapter();
  const Blob packet = golden(adapter_packet(sample::program(), adapter), {{adapter, 1}}).build();
  const auto attach = [&] {
    const std::string code = code_of(robot.policy->attach(packet, "a", 1));
    if (code != "OK") {
      REQUIRE(robot.policy->reset());
      CHECK(robot.step(kObs) == before);
    }
    return code;
  };
  CHECK(tries(attach) > 8);
  REQUIRE(robot.policy->reset());
  CHECK(robot.step(kObs) != before);
}

}  // namespace plasma::test
