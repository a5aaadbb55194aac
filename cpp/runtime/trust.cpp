// SPDX-License-Identifier: Apache-2.0
// trust.cpp -- between the records of runtime.hpp and those of cpp/packet: whom a device believes,
// what a root says, what a device has confirmed.
#include "runtime/verified.hpp"

namespace plasma {
namespace runtime {

Error make_trust(const Trust& trust, packet::TrustStore& store) noexcept {
  if (!trust.root.empty()) {
    if (!trust.keys.empty()) return fail(Status::Argument, "trust: a root and keys");
    return packet::TrustStore::open_root(trust.root, nullptr, store);
  }
  for (const PublicKeyBytes& key : trust.keys) {
    if (Error error = store.add(key)) return error;
  }
  store.set_threshold(trust.threshold);
  return {};
}

RootInfo info_of(const packet::TrustStore& root) {
  RootInfo info;
  info.version = root.version();
  info.issued_at = root.issued_at();
  info.expires = root.expires();
  info.content_digest = root.content_digest();
  info.base_threshold = root.threshold(packet::Kind::Base);
  info.adapter_threshold = root.threshold(packet::Kind::Adapter);
  info.root_threshold = root.threshold(packet::Kind::TrustRoot);
  for (const packet::TrustedKey& key : root.keys()) {
    const auto signs = [&key](packet::Kind kind) { return (key.roles & role_of(kind)) != 0; };
    info.keys.push_back({.name = key.name.data(),
                         .key = key.key,
                         .signs_bases = signs(packet::Kind::Base),
                         .signs_adapters = signs(packet::Kind::Adapter),
                         .signs_roots = signs(packet::Kind::TrustRoot)});
  }
  for (const packet::TrustedChannel& channel : root.channels()) {
    RootChannel& row = info.channels.emplace_back();
    row.name = channel.name.data();
    row.sequence_floor = channel.sequence_floor;
    row.rollback_floor = channel.rollback_floor;
    row.reset = channel.reset;
    for (size_t i = 0; i < root.size(); ++i) {
      if ((channel.keys >> i & 1) != 0) row.keys.push_back(i);
    }
  }
  info.revoked.assign(root.revoked().begin(), root.revoked().end());
  return info;
}

void read_device(const DeviceState& device, std::vector<packet::Floor>& floors,
                 packet::Device& state) {
  for (const Floor& floor : device.floors) {
    floors.push_back({.channel_id = floor.channel_id,
                      .kind = packet::Kind{floor.kind},
                      .sequence = floor.sequence,
                      .rollback_index = floor.rollback_index,
                      .root_version = floor.root_version,
                      .content_digest = floor.content_digest});
  }
  state = {.now = device.now,
           .time_floor = device.time_floor,
           .strict_clock = device.strict_clock,
           .floors = floors};
}

}  // namespace runtime

Error verify_root(std::span<const uint8_t> root, std::span<const uint8_t> previous,
                  RootInfo& info) noexcept {
  packet::TrustStore predecessor, store;
  if (!previous.empty()) {
    if (Error error = packet::TrustStore::open_root(previous, nullptr, predecessor)) return error;
  }
  const packet::TrustStore* before = previous.empty() ? nullptr : &predecessor;
  if (Error error = packet::TrustStore::open_root(root, before, store)) return error;
  info = runtime::info_of(store);
  return {};
}

}  // namespace plasma
