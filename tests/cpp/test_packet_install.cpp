// SPDX-License-Identifier: Apache-2.0
// test_packet_install.cpp -- section 9: times and release numbers, which gate installing only.
#include <doctest/doctest.h>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;

namespace {

constexpr size_t kSequence = 40;
constexpr size_t kRollback = 48;
constexpr size_t kNotBefore = 56;
constexpr size_t kNotAfter = 64;
constexpr uint64_t kJump = 1u << 20;

PacketSpec release(uint64_t sequence, uint32_t rollback = 0, uint64_t not_before = 0,
                   uint64_t not_after = 0) {
  PacketSpec spec = base_spec();
  spec.before_signing = {{kSequence, sequence, 8},
                         {kRollback, rollback, 4},
                         {kNotBefore, not_before, 8},
                         {kNotAfter, not_after, 8}};
  return spec;
}

packet::Floor confirmed(uint64_t sequence, uint32_t rollback = 0) {
  packet::Floor floor;
  floor.kind = Kind::Base;
  floor.sequence = sequence;
  floor.rollback_index = rollback;
  floor.content_digest = {};
  const Blob content = base_spec().content_digest();
  std::copy(content.begin(), content.end(), floor.content_digest.begin());
  return floor;
}

std::string verdict_on(const packet::Device& state, const PacketSpec& spec,
                       const packet::TrustStore& trust = trusting({&kAlice})) {
  Device device;
  device.trust = trust;
  device.request.device = &state;
  return device.verdict(spec);
}

std::string verdict_after(const packet::Floor& floor, const PacketSpec& spec) {
  packet::Device state;
  state.floors = {&floor, 1};
  return verdict_on(state, spec);
}

std::string verdict_at(std::optional<uint64_t> now, uint64_t not_before, uint64_t not_after,
                       uint64_t time_floor = 0, bool strict = false) {
  packet::Device state;
  state.now = now;
  state.time_floor = time_floor;
  state.strict_clock = strict;
  return verdict_on(state, release(0, 0, not_before, not_after));
}

RootSpec root_of_alice(std::vector<ChannelSpec> channels = {}) {
  RootSpec root;
  root.keys = {{kAlice}};
  root.channels = std::move(channels);
  return root;
}

PacketSpec for_arm(PacketSpec spec) {
  const packet::ChannelId id = packet::channel_id_of(text("arm"));
  for (size_t i = 0; i < id.size(); ++i) spec.before_signing.push_back({72 + i, id[i], 1});
  return spec;
}

}  // namespace

TEST_CASE("a packet may be installed from not_before on and before not_after") {
  CHECK(verdict_at(99, 100, 200) == "E_NOT_YET_VALID");
  CHECK(verdict_at(100, 100, 200) == "OK");
  CHECK(verdict_at(199, 100, 200) == "OK");
  CHECK(verdict_at(200, 100, 200) == "E_EXPIRED");
  CHECK(verdict_at(UINT64_MAX, 100, 0) == "OK");
  CHECK(verdict_at(UINT64_MAX, 100, UINT64_MAX) == "E_EXPIRED");
  CHECK(verdict_at(0, 0, 0) == "OK");
  CHECK(verdict_at(0, uint64_t{1} << 63, 0) == "E_NOT_YET_VALID");
}

TEST_CASE("the time floor counts when the clock is behind it, or missing") {
  CHECK(verdict_at(50, 100, 200, 100) == "OK");
  CHECK(verdict_at(50, 100, 200, 200) == "E_EXPIRED");
  CHECK(verdict_at(150, 0, 200, 100) == "OK");
  CHECK(verdict_at({}, 100, 200, 99) == "OK");
  CHECK(verdict_at({}, 100, 200, 199) == "OK");
  CHECK(verdict_at({}, 100, 200, 200) == "E_EXPIRED");
}

TEST_CASE("a strict device without a clock refuses what states times") {
  CHECK(verdict_at({}, 0, 0, 0, true) == "OK");
  CHECK(verdict_at({}, 1, 0, 0, true) == "E_NO_CLOCK");
  CHECK(verdict_at({}, 0, 9, 0, true) == "E_NO_CLOCK");
  CHECK(verdict_at(5, 1, 9, 0, true) == "OK");
}

TEST_CASE("times and release numbers do not gate running") {
  CHECK(verdict(release(UINT64_MAX, 0, UINT64_MAX, 1)) == "OK");
}

TEST_CASE("a release may be as old as the floor, not older") {
  CHECK(verdict_after(confirmed(7), release(6)) == "E_STALE_SEQ");
  CHECK(verdict_after(confirmed(7), release(7)) == "OK");
  CHECK(verdict_after(confirmed(7), release(8)) == "OK");
  CHECK(verdict_after(confirmed(7, 3), release(8, 2)) == "E_ROLLBACK");
  CHECK(verdict_after(confirmed(7, 3), release(8, 3)) == "OK");
  CHECK(verdict_after(confirmed(7, 3), release(8, UINT32_MAX)) == "OK");
}

TEST_CASE("the same release number with other content is refused") {
  PacketSpec other = release(7);
  other.sections[0].raw[0] ^= 1;
  CHECK(verdict_after(confirmed(7), other) == "E_STALE_SEQ");
  other.before_signing[0].value = 8;
  CHECK(verdict_after(confirmed(7), other) == "OK");
}

TEST_CASE("a release number may not jump") {
  CHECK(verdict_after(confirmed(7), release(7 + kJump)) == "OK");
  CHECK(verdict_after(confirmed(7), release(8 + kJump)) == "E_SEQUENCE_JUMP");
  CHECK(verdict_after(confirmed(7), release(UINT64_MAX)) == "E_SEQUENCE_JUMP");
  CHECK(verdict_after(confirmed(UINT64_MAX), release(UINT64_MAX)) == "OK");
  CHECK(verdict_on({}, release(kJump)) == "OK");
  CHECK(verdict_on({}, release(kJump + 1)) == "E_SEQUENCE_JUMP");
}

TEST_CASE("each kind and channel has a floor of its own") {
  packet::Floor floor = confirmed(7, 3);
  floor.kind = Kind::Adapter;
  CHECK(verdict_after(floor, release(0)) == "OK");
  floor = confirmed(7, 3);
  floor.channel_id = packet::channel_id_of(text("arm"));
  CHECK(verdict_after(floor, release(0)) == "OK");
  CHECK(verdict_after(floor, for_arm(release(6, 3))) == "E_STALE_SEQ");
  CHECK(verdict_after(floor, for_arm(release(7, 3))) == "OK");
}

TEST_CASE("a root's floors hold before anything was confirmed") {
  const packet::TrustStore trust = opened(root_of_alice({{"arm", 1, 10, 2}}));
  CHECK(verdict_on({}, for_arm(release(9, 2)), trust) == "E_STALE_SEQ");
  CHECK(verdict_on({}, for_arm(release(10, 1)), trust) == "E_ROLLBACK");
  CHECK(verdict_on({}, for_arm(release(10, 2)), trust) == "OK");
  CHECK(verdict_on({}, for_arm(release(10 + kJump, 2)), trust) == "OK");
  CHECK(verdict_on({}, for_arm(release(11 + kJump, 2)), trust) == "E_SEQUENCE_JUMP");
}

TEST_CASE("the larger floor counts, the root's or the confirmed one") {
  const packet::TrustStore trust = opened(root_of_alice({{"arm", 1, 10, 2}}));
  packet::Floor floor = confirmed(20, 1);
  floor.channel_id = packet::channel_id_of(text("arm"));
  packet::Device state;
  state.floors = {&floor, 1};
  CHECK(verdict_on(state, for_arm(release(19, 2)), trust) == "E_STALE_SEQ");
  CHECK(verdict_on(state, for_arm(release(20, 1)), trust) == "E_ROLLBACK");
  CHECK(verdict_on(state, for_arm(release(20, 2)), trust) == "OK");
  floor = {floor.channel_id, Kind::Base, 5, 9, 0, {}};
  CHECK(verdict_on(state, for_arm(release(9, 9)), trust) == "E_STALE_SEQ");
  CHECK(verdict_on(state, for_arm(release(10, 8)), trust) == "E_ROLLBACK");
  CHECK(verdict_on(state, for_arm(release(10, 9)), trust) == "OK");
}

TEST_CASE("a root may make devices forget what an older root let them confirm") {
  RootSpec spec = root_of_alice({{"arm", 1, 0, 0, 3}});
  spec.version = 3;
  spec.previous = Blob(32, 1);
  const packet::TrustStore trust = opened(spec);
  packet::Floor floor = confirmed(1u << 30, 5);
  floor.channel_id = packet::channel_id_of(text("arm"));
  packet::Device state;
  state.floors = {&floor, 1};
  for (const uint32_t version : {0u, 2u}) {
    floor.root_version = version;
    CHECK(verdict_on(state, for_arm(release(1)), trust) == "OK");
  }
  for (const uint32_t version : {3u, 4u}) {
    floor.root_version = version;
    CHECK(verdict_on(state, for_arm(release(1, 5)), trust) == "E_STALE_SEQ");
  }
}

TEST_CASE("nothing is installed under an expired root, and its packets still run") {
  RootSpec spec = root_of_alice();
  spec.issued_at = 100;
  spec.expires = 200;
  const packet::TrustStore trust = opened(spec);
  packet::Device state;
  state.now = 199;
  CHECK(verdict_on(state, release(1), trust) == "OK");
  state.now = 200;
  CHECK(verdict_on(state, release(1), trust) == "E_EXPIRED");
  state.now = {};
  CHECK(verdict_on(state, release(1), trust) == "OK");
  state.time_floor = 200;
  CHECK(verdict_on(state, release(1), trust) == "E_EXPIRED");
  state = {};
  state.strict_clock = true;
  CHECK(verdict_on(state, release(1), trust) == "E_NO_CLOCK");
  Device device;
  device.trust = trust;
  CHECK(device.verdict(release(1)) == "OK");
}

TEST_CASE("it is not earlier than the root was issued") {
  RootSpec spec = root_of_alice();
  spec.issued_at = 100;
  const packet::TrustStore trust = opened(spec);
  packet::Device state;
  state.now = 5;
  CHECK(verdict_on(state, release(1, 0, 100), trust) == "OK");
  CHECK(verdict_on(state, release(1, 0, 101), trust) == "E_NOT_YET_VALID");
  CHECK(verdict_on(state, release(1, 0, 0, 100), trust) == "E_EXPIRED");
}

TEST_CASE("installing is asked behind revocation and channel, before what the runtime lacks") {
  PacketSpec spec = release(1, 0, 0, 5);
  spec.before_signing.push_back({192, 1, 4});
  const packet::ChannelId channel = {1};
  packet::Device state;
  state.now = 9;
  Device device;
  device.request.device = &state;
  device.request.channel = &channel;
  CHECK(device.verdict(spec) == "E_CHANNEL");
  device.request.channel = nullptr;
  CHECK(device.verdict(spec) == "E_EXPIRED");
  state.now = 4;
  CHECK(device.verdict(spec) == "E_RUNTIME_TOO_OLD");
}
