// SPDX-License-Identifier: Apache-2.0
// test_packet_policy.cpp -- step 5: what a genuine packet is refused for.
#include <doctest/doctest.h>

#include "packet_device.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;

TEST_CASE("the channel must be the device's, where the device has one") {
  const Blob name = text("arm-left");
  const packet::ChannelId channel = packet::channel_id_of(name);
  Blob message = text("plasma-edge channel v1");
  append(message, 0, 1);
  append(message, name);
  CHECK(Blob(channel.begin(), channel.end()) == sha512(message, 16));

  Device device;
  device.request.channel = &channel;
  PacketSpec spec = base_spec();
  CHECK(device.verdict(spec) == "E_CHANNEL");
  for (size_t i = 0; i < channel.size(); ++i)
    spec.before_signing.push_back({72 + i, channel[i], 1});
  CHECK(device.verdict(spec) == "OK");
  CHECK(verdict(spec) == "OK");
}

namespace {

// `found` written into the header, with a device that allows `most`.
std::string verdict_at_most(size_t at, uint64_t found, void (*allow)(packet::Request&)) {
  PacketSpec spec = base_spec();
  spec.before_signing = {{at, found, 4}};
  Device device;
  allow(device.request);
  return device.verdict(spec);
}

}  // namespace

TEST_CASE("what a packet needs may reach what the device has, and not go beyond") {
  struct Row {
    size_t at;
    void (*allow)(packet::Request&);
    const char* code;
  };
  const Row rows[] = {
      {192, [](packet::Request& request) { request.runtime = 100; }, "E_RUNTIME_TOO_OLD"},
      {164, [](packet::Request& request) { request.limits.arena_bytes = 100; }, "E_MEMORY_CAP"},
      {168, [](packet::Request& request) { request.limits.state_bytes = 100; }, "E_MEMORY_CAP"},
      {184, [](packet::Request& request) { request.limits.cost_units = 100; }, "E_DEADLINE"},
  };
  for (const Row& row : rows) {
    CHECK(verdict_at_most(row.at, 99, row.allow) == "OK");
    CHECK(verdict_at_most(row.at, 100, row.allow) == "OK");
    CHECK(verdict_at_most(row.at, 101, row.allow) == row.code);
  }
  const auto const_cap = [](packet::Request& request) { request.limits.const_bytes = 300; };
  CHECK(verdict_at_most(172, 300, const_cap) == "OK");
  CHECK(verdict_at_most(172, 301, const_cap) == "E_MEMORY_CAP");
}

TEST_CASE("an opset may be older than the runtime's, not newer") {
  PacketSpec spec = base_spec();
  Device device;
  device.request.opset = 2;
  for (spec.opset = 1; spec.opset <= 2; ++spec.opset) CHECK(device.verdict(spec) == "OK");
  CHECK(spec.opset == 3);
  CHECK(device.verdict(spec) == "E_OPSET");
}

TEST_CASE("the audit verdict must reach what the device requires") {
  for (uint8_t found = 0; found <= 2; ++found) {
    for (uint8_t required = 0; required <= 2; ++required) {
      PacketSpec spec = base_spec();
      spec.sections.push_back({12, {found, 0, 0, 0}});
      spec.before_signing = {{52, found, 4}};
      Device device;
      device.request.require_audit = packet::Verdict{required};
      CHECK(device.verdict(spec) == (found >= required ? "OK" : "E_AUDIT"));
    }
  }
}

TEST_CASE("an adapter names its base, and nothing else does") {
  PacketSpec base = base_spec();
  base.base_digest[31] = 1;
  CHECK(verdict(base) == "E_BASE_FIELD");
  PacketSpec adapter = adapter_spec();
  adapter.base_digest = Blob(32);
  CHECK(device_for(Kind::Adapter).verdict(adapter) == "E_BASE_FIELD");
}

TEST_CASE("an adapter fits the base it names, however that base is compressed, and no other") {
  PacketSpec base = base_spec();
  Device base_device;
  REQUIRE(base_device.verdict(base) == "OK");
  PacketSpec adapter = adapter_spec();
  adapter.base_digest = base.content_digest();

  base.sections[1].flags = 0;
  base.sections.push_back({10, pattern(20)});
  Device recompressed;
  REQUIRE(recompressed.verdict(base) == "OK");
  Device device = device_for(Kind::Adapter);
  device.request.base_digest = &recompressed.packet->header().content_digest;
  CHECK(device.verdict(adapter) == "OK");

  base.sections[1].raw[0] ^= 1;
  Device other;
  REQUIRE(other.verdict(base) == "OK");
  device.request.base_digest = &other.packet->header().content_digest;
  CHECK(device.verdict(adapter) == "E_BASE_MISMATCH");
}

TEST_CASE("the base that is loaded is asked about adapters only") {
  const packet::Digest loaded{7};
  Device device;
  device.request.base_digest = &loaded;
  CHECK(device.verdict(base_spec()) == "OK");
}

TEST_CASE("policy is asked after the signature and before the sections") {
  PacketSpec spec = base_spec();
  spec.before_signing = {{192, 1, 4}, {spec.record_at(0), 9, 4}};
  CHECK(verdict(spec) == "E_RUNTIME_TOO_OLD");
  spec.signers[0].sign = sign_trust;
  CHECK(verdict(spec) == "E_SIG_BAD");
}

TEST_CASE("policy is asked in the order of FORMAT.md") {
  const packet::ChannelId channel = {1};
  Device device;
  device.request.channel = &channel;
  device.request.require_audit = packet::Verdict::Verified;
  device.request.limits.arena_bytes = 0;
  device.request.limits.cost_units = 0;
  PacketSpec spec = base_spec();
  spec.opset = 2;
  spec.base_digest[0] = 1;
  spec.before_signing = {{192, 1, 4}, {164, 1, 4}, {184, 1, 8}};
  CHECK(device.verdict(spec) == "E_CHANNEL");
  device.request.channel = nullptr;
  CHECK(device.verdict(spec) == "E_RUNTIME_TOO_OLD");
  device.request.runtime = 1;
  CHECK(device.verdict(spec) == "E_OPSET");
  device.request.opset = 2;
  CHECK(device.verdict(spec) == "E_AUDIT");
  device.request.require_audit = packet::Verdict::None;
  CHECK(device.verdict(spec) == "E_MEMORY_CAP");
  device.request.limits.arena_bytes = 1;
  CHECK(device.verdict(spec) == "E_DEADLINE");
  device.request.limits.cost_units = 1;
  CHECK(device.verdict(spec) == "E_BASE_FIELD");
}
