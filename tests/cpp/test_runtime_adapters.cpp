// SPDX-License-Identifier: Apache-2.0
// test_runtime_adapters.cpp -- attach, detach and gains on a loaded policy.
#include "robot_packets.hpp"

namespace plasma::test {
namespace {

const Floats kObs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};

PacketSpec base() { return base_packet(sample::program()); }
PacketSpec skill(uint64_t seed) { return adapter_packet(sample::program(), sample::adapter(seed)); }

// The first step after a reset, so that states do not matter.
Blob fresh_step(Robot& robot) {
  REQUIRE(robot.policy->reset());
  return robot.step(kObs);
}

}  // namespace

TEST_CASE("an adapter is live at the next step and gone after detach") {
  Robot robot = load_robot(base());
  Rig rig(sample::program());
  rig.attach({{sample::adapter(1), 0.5f}});
  const Blob without = fresh_step(robot);
  CHECK(robot.attach(skill(1), "icy", 0.5f) == "OK");
  const Blob with = fresh_step(robot);
  CHECK(with == rig.tick(kObs));
  CHECK(with != without);
  CHECK(code_of(robot.policy->detach("icy")) == "OK");
  CHECK(fresh_step(robot) == without);
  CHECK(code_of(robot.policy->detach("icy")) == "E_UNKNOWN_NAME");
}

TEST_CASE("the order of attaching does not matter") {
  Robot one = load_robot(base()), two = load_robot(base());
  CHECK(one.attach(skill(1), "a", 0.5f) == "OK");
  CHECK(one.attach(skill(2), "b", 1) == "OK");
  CHECK(two.attach(skill(2), "b", 1) == "OK");
  CHECK(two.attach(skill(1), "a", 0.5f) == "OK");
  CHECK(fresh_step(one) == fresh_step(two));
  const std::vector<AdapterInfo> adapters = one.policy->adapters();
  REQUIRE(adapters.size() == 2);
  CHECK(adapters[0].content_digest < adapters[1].content_digest);
  CHECK(adapters[0].name == two.policy->adapters()[0].name);
}

TEST_CASE("a gain of 0 keeps an adapter resident and gives the bits of none") {
  Robot robot = load_robot(base());
  const Blob without = fresh_step(robot);
  CHECK(robot.attach(skill(1), "a", 0) == "OK");
  CHECK(fresh_step(robot) == without);
  CHECK(robot.policy->adapters().size() == 1);
  CHECK(robot.set_gains({{"a", 1}}) == "OK");
  CHECK(fresh_step(robot) != without);
  CHECK(robot.set_gains({{"a", 0}}) == "OK");
  CHECK(fresh_step(robot) == without);
}

TEST_CASE("attaching in the middle of an episode keeps the state") {
  Robot robot = load_robot(base()), quiet = load_robot(base());
  static_cast<void>(robot.step(kObs)), static_cast<void>(quiet.step(kObs));
  CHECK(robot.attach(skill(1), "a", 0) == "OK");
  CHECK(robot.step(kObs) == quiet.step(kObs));
}

TEST_CASE("a gain outside 0 to 1 is refused, and nothing changes") {
  Robot robot = load_robot(base());
  for (const float gain : {-0.1f, 1.0001f, INFINITY, std::nanf(""), -0x1p-149f}) {
    CHECK(robot.attach(skill(1), "a", gain) == "E_GAIN");
  }
  CHECK(robot.attach(skill(1), "a", 1) == "OK");
  CHECK(robot.attach(skill(2), "b", 0x1p-149f) == "OK");
  const Blob before = fresh_step(robot);
  CHECK(robot.set_gains({{"a", 0}, {"b", 2}}) == "E_GAIN");
  CHECK(robot.set_gains({{"a", 0}, {"c", 1}}) == "E_UNKNOWN_NAME");
  CHECK(robot.policy->adapters()[0].gain != 0);
  CHECK(fresh_step(robot) == before);
}

TEST_CASE("a name is used once, and so is a content") {
  Robot robot = load_robot(base());
  CHECK(robot.attach(skill(1), "", 1) == "E_ARGUMENT");
  CHECK(robot.attach(skill(1), "a") == "OK");
  CHECK(robot.attach(skill(2), "a") == "E_NAME_TAKEN");
  CHECK(robot.attach(skill(1), "b") == "E_NAME_TAKEN");
  CHECK(code_of(robot.policy->detach("a")) == "OK");
  CHECK(robot.attach(skill(1), "b") == "OK");
}

TEST_CASE("as many adapters attach as the base allows") {
  Robot robot = load_robot(base());
  CHECK(robot.attach(skill(1), "a") == "OK");
  CHECK(robot.attach(skill(2), "b") == "OK");
  CHECK(robot.attach(skill(3), "c") == "E_TOO_MANY_ADAPTERS");
  CHECK(code_of(robot.policy->detach("a")) == "OK");
  CHECK(robot.attach(skill(3), "c") == "OK");
  PacketSpec closed = base();
  closed.max_adapters = 0;
  CHECK(load_robot(closed).attach(skill(1), "a") == "E_TOO_MANY_ADAPTERS");
}

TEST_CASE("a base with all adapters stays within the device's budget") {
  const PacketInfo info = load_robot(base()).policy->info();
  PacketInfo adapter;
  REQUIRE(!verify_packet(skill(1).build(), trust_in_maker(), {}, nullptr, adapter));
  LoadOptions options;
  options.max_cost_units = info.cost_units + 2 * adapter.cost_units;
  Robot rich = load_robot(base(), options);
  CHECK(rich.attach(skill(1), "a") == "OK");
  CHECK(rich.attach(skill(2), "b") == "OK");
  options.max_cost_units -= 1;
  Robot poor = load_robot(base(), options);
  CHECK(poor.attach(skill(1), "a") == "OK");
  CHECK(poor.attach(skill(2), "b") == "E_DEADLINE");
}

TEST_CASE("an adapter of another base, of nobody or of another kind is refused") {
  Robot robot = load_robot(base());
  ProgramBuilder other = sample::program();
  other.slots[0].max_rank = 3;
  CHECK(robot.attach(adapter_packet(other, sample::adapter(1)), "a") == "E_BASE_MISMATCH");
  PacketSpec spec = skill(1);
  spec.base_digest = Blob(32);
  CHECK(robot.attach(spec, "a") == "E_BASE_FIELD");
  CHECK(robot.attach(base(), "a") == "E_KIND");
  CHECK(Robot().load(skill(1)) == "E_KIND");
  spec = skill(1);
  spec.signers = {{Key{7}}};
  CHECK(robot.attach(spec, "a") == "E_SIG_UNKNOWN_KEY");
  CHECK(robot.policy->adapters().empty());
}

TEST_CASE("a signed adapter that does not fit is refused") {
  Robot robot = load_robot(base());
  AdapterBuilder adapter = sample::adapter(1);
  adapter.patches[0].a[0] = -128;
  PacketSpec spec = skill(1);
  spec.sections = sections_of(adapter.sections(), 0);
  CHECK(robot.attach(spec, "a") == "E_PROG_NUMERIC");
  spec = skill(1);
  spec.before_signing.back().value += 1;
  CHECK(robot.attach(spec, "a") == "E_CERT_MISMATCH");
  CHECK(robot.attach(skill(1), "a") == "OK");
}

TEST_CASE("the golden cases of an adapter run on it alone, with gain 1") {
  Rig rig(sample::program());
  rig.attach({{sample::adapter(1), 1}});
  PacketSpec spec = skill(1);
  const Blob gold = gold_of(rig, {kObs, kObs});
  add_gold(spec, gold);
  Robot robot = load_robot(base());
  CHECK(robot.attach(skill(2), "other") == "OK");
  CHECK(robot.attach(spec, "a", 0.25f) == "OK");

  PacketSpec wrong = skill(3);
  add_gold(wrong, gold);
  CHECK(load_robot(base()).attach(wrong, "a") == "E_SELFTEST");
}

TEST_CASE("an adapter that changes nothing fails its golden cases") {
  AdapterBuilder idle = sample::adapter(1);
  for (LoraSpec& patch : idle.patches) patch.scale = 0, patch.bias.clear();
  Rig rig(sample::program());
  PacketSpec spec = adapter_packet(sample::program(), idle);
  add_gold(spec, gold_of(rig, {kObs, kObs}));
  CHECK(load_robot(base()).attach(spec, "idle") == "E_SELFTEST");
}

TEST_CASE("one golden case in which an adapter changes something is enough") {
  // A patch without a bias gives nothing for an input of zeros.
  ProgramBuilder p;
  const uint16_t x = p.input("x", 1);
  p.op(Opcode::Linear, p.output("y", 1), {x, p.matrix(1, 1, {1})});
  p.slot(0, 1);
  AdapterBuilder adapter;
  adapter.patches.push_back({.rank = 1, .a = {1}, .a_scale = {1}, .b = {1}, .b_scale = {1}});
  const auto verdict = [&](const std::vector<Floats>& cases) {
    Rig rig(p);
    rig.attach({{adapter, 1}});
    PacketSpec spec = adapter_packet(p, adapter);
    add_gold(spec, gold_of(rig, cases));
    return load_robot(base_packet(p)).attach(spec, "a");
  };
  CHECK(verdict({{1}, {0}}) == "OK");
  CHECK(verdict({{0}, {1}}) == "OK");
  CHECK(verdict({{0}, {0}}) == "E_SELFTEST");
}

TEST_CASE("an adapter's constants count against the device's memory, repacked") {
  // B [1000, 1] is 1,000 bytes and 64,000 in rows of 64.
  ProgramBuilder p;
  const uint16_t x = p.input("x", 1);
  p.op(Opcode::Linear, p.output("y", 1000), {x, p.matrix(1000, 1, Floats(1000, 1))});
  p.slot(0, 1);
  AdapterBuilder wide;
  wide.patches.push_back(
      {.rank = 1, .a = {1}, .a_scale = {1}, .b = Weights(1000, 1), .b_scale = Floats(1000, 1)});
  LoadOptions options;
  options.kernels = "scalar";  // other tables pack narrow rows in other ways
  options.max_memory_bytes = 20'000;
  Robot robot = load_robot(base_packet(p), options);
  CHECK(robot.attach(adapter_packet(p, wide), "wide") == "E_MEMORY_CAP");
  CHECK(load_robot(base_packet(p)).attach(adapter_packet(p, wide), "wide") == "OK");
}

}  // namespace plasma::test
