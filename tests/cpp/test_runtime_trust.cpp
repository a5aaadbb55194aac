// SPDX-License-Identifier: Apache-2.0
// test_runtime_trust.cpp -- verify_packet and verify_root: whether to run, whether to install, whom
// to believe.
#include "robot_packets.hpp"
#include "root_writer.hpp"

namespace plasma::test {
namespace {

PacketSpec golden_packet() {
  PacketSpec spec = base_packet(sample::program());
  Rig rig(sample::program());
  add_gold(spec, gold_of(rig, {Floats(8, 0.1f)}));
  return spec;
}

}  // namespace

TEST_CASE("verify_packet judges a base whole, an adapter up to its content") {
  const auto verdict = [](const PacketSpec& spec, PacketInfo& info) {
    return code_of(verify_packet(spec.build(), trust_in_maker(), {}, nullptr, info));
  };
  PacketInfo info;
  CHECK(verdict(golden_packet(), info) == "OK");
  CHECK(info.kind == 1);
  CHECK(verdict(adapter_packet(sample::program(), sample::adapter()), info) == "OK");
  CHECK(info.kind == 2);
  PacketSpec foreign = golden_packet();
  foreign.signers = {{Key{7}}};
  CHECK(verdict(foreign, info) == "E_SIG_UNKNOWN_KEY");
  foreign = adapter_packet(sample::program(), sample::adapter());
  foreign.signers = {{Key{7}}};
  CHECK(verdict(foreign, info) == "E_SIG_UNKNOWN_KEY");
  CHECK(code_of(verify_packet({}, trust_in_maker(), {}, nullptr, info)) == "E_MAGIC");
  foreign = golden_packet();
  foreign.before_signing.push_back({20, 1, 4});
  CHECK(verdict(foreign, info) == "E_LAYOUT");
  CHECK(info.kind == 2);  // untouched on failure
}

TEST_CASE("a root says what it says, and is followed by the next one only") {
  RootSpec spec;
  spec.keys = {{kMaker, kSignsBases | kSignsRoots, "maker"}, {kBob, kSignsAdapters, "bob"}};
  spec.channels = {{"arm", 2, 5, 6, 1}};
  spec.revoked = {Blob(32, 9)};
  RootInfo info;
  REQUIRE(code_of(verify_root(spec.build(), {}, info)) == "OK");
  CHECK(info.version == 1);
  REQUIRE(info.keys.size() == 2);
  CHECK(info.keys[0].name == "maker");
  CHECK((info.keys[0].signs_bases && !info.keys[0].signs_adapters && info.keys[0].signs_roots));
  CHECK((!info.keys[1].signs_bases && info.keys[1].signs_adapters && !info.keys[1].signs_roots));
  REQUIRE(info.channels.size() == 1);
  CHECK(info.channels[0].keys == std::vector<size_t>{1});
  CHECK(info.channels[0].sequence_floor == 5);
  CHECK(info.channels[0].rollback_floor == 6);
  CHECK(info.channels[0].reset == 1);
  CHECK(info.revoked.size() == 1);
  CHECK(code_of(verify_root(spec.successor().build(), spec.build(), info)) == "OK");
  CHECK(info.version == 2);
  CHECK(code_of(verify_root(spec.build(), spec.build(), info)) == "E_ROOT_VERSION");
  CHECK(code_of(verify_root(spec.build(), Blob(9), info)) == "E_MAGIC");
  CHECK(info.version == 2);  // untouched on failure
}

TEST_CASE("a policy loads, attaches and is verified under a root") {
  RootSpec spec;
  spec.keys = {{kMaker, kSignsBases | kSignsRoots}};
  const Trust trust{.keys = {}, .root = spec.build()};
  std::unique_ptr<Policy> policy;
  REQUIRE(code_of(Policy::load(golden_packet().build(), trust, {}, policy)) == "OK");
  const Blob skill = adapter_packet(sample::program(), sample::adapter()).build();
  CHECK(code_of(policy->attach(skill, "skill", 1)) == "E_SIG_ROLE");
  PacketInfo info;
  CHECK(code_of(verify_packet(golden_packet().build(), trust, {}, nullptr, info)) == "OK");
  Trust broken = trust;
  broken.root.back() ^= 1;
  CHECK(code_of(verify_packet(golden_packet().build(), broken, {}, nullptr, info)) ==
        "E_TRANSPORT");
}

TEST_CASE("a device may install what is newer than what it confirmed, by channel and kind") {
  PacketSpec packet = golden_packet();
  packet.before_signing.push_back({40, 7, 8});
  packet.before_signing.push_back({64, 100, 8});
  DeviceState device;
  const auto verdict = [&] {
    PacketInfo info;
    return code_of(verify_packet(packet.build(), trust_in_maker(), {}, &device, info));
  };
  CHECK(verdict() == "OK");
  device.floors = {{{1}, 1, 8, 0, 0, {}}, {{}, 2, 8, 0, 0, {}}};
  CHECK(verdict() == "OK");
  device.floors.push_back({{}, 1, 8, 0, 0, {}});
  CHECK(verdict() == "E_STALE_SEQ");
  device.floors[2].sequence = 6;
  CHECK(verdict() == "OK");
  device.floors[2].rollback_index = 1;
  CHECK(verdict() == "E_ROLLBACK");
  device.floors.clear();
  device.now = 100;
  CHECK(verdict() == "E_EXPIRED");
  device.now = std::nullopt;
  device.strict_clock = true;
  CHECK(verdict() == "E_NO_CLOCK");
}

TEST_CASE("a base whose golden cases fail is not verified") {
  PacketSpec packet = golden_packet();
  for (SectionSpec& section : packet.sections)
    if (section.type == kGold) section.raw.back() ^= 1;
  PacketInfo info;
  CHECK(code_of(verify_packet(packet.build(), trust_in_maker(), {}, nullptr, info)) ==
        "E_SELFTEST");
  CHECK(info.kind == 0);
}

}  // namespace plasma::test
