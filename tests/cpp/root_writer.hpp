// SPDX-License-Identifier: Apache-2.0
// root_writer.hpp -- trust roots from a description, honest or hostile. Written from FORMAT.md, as
// packet_writer.hpp is.
#pragma once

#include <stdexcept>

#include "packet_device.hpp"

namespace plasma::test {

inline constexpr uint8_t kSignsBases = 1;
inline constexpr uint8_t kSignsAdapters = 2;
inline constexpr uint8_t kSignsRoots = 4;

struct KeySpec {
  Key key;
  uint8_t roles = kSignsBases | kSignsAdapters | kSignsRoots;
  std::string name = {};
};

struct ChannelSpec {
  std::string name;
  uint16_t keys = 0xFFFF;
  uint64_t sequence_floor = 0;
  uint32_t rollback_floor = 0;
  uint32_t reset = 0;
};

inline void append_name(Blob& blob, const std::string& name, size_t size) {
  append(blob, name);
  blob.resize(blob.size() + size - name.size());
}

struct RootSpec {
  uint64_t version = 1;
  Blob previous = Blob(32);
  uint64_t issued_at = 0, expires = 0;
  std::vector<KeySpec> keys = {};
  uint8_t base_threshold = 1, adapter_threshold = 1, root_threshold = 1;
  std::vector<ChannelSpec> channels = {};
  std::vector<Blob> revoked = {};
  std::vector<SignerSpec> signers = {};  // none: every key that may
  std::vector<Patch> in_section = {};
  std::vector<Patch> in_header = {};

  [[nodiscard]] Blob section() const {
    Blob bytes;
    append(bytes, keys.size(), 1);
    append(bytes, channels.size(), 1);
    append(bytes, revoked.size(), 2);
    for (const uint8_t threshold : {base_threshold, adapter_threshold, root_threshold})
      append(bytes, threshold, 1);
    append(bytes, 0, 8);
    append(bytes, 0, 1);
    for (const KeySpec& key : keys) {
      append(bytes, key.key.public_key);
      append(bytes, key.roles, 2);
      append_name(bytes, key.name, 30);
    }
    for (const ChannelSpec& channel : channels) {
      append(bytes, channel.sequence_floor, 8);
      append(bytes, channel.rollback_floor, 4);
      append(bytes, channel.reset, 4);
      append(bytes, channel.keys & ((1u << keys.size()) - 1), 2);
      append(bytes, 0, 2);
      append_name(bytes, channel.name, 44);
    }
    for (const Blob& digest : revoked) append(bytes, digest);
    for (const Patch& patch : in_section) put(bytes, patch.at, patch.value, patch.count);
    return bytes;
  }

  [[nodiscard]] PacketSpec packet() const {
    PacketSpec spec;
    spec.kind = 3;
    spec.base_digest = previous;
    spec.sections = {{32, section()}};
    spec.signers = signers;
    if (signers.empty()) {
      for (const KeySpec& key : keys)
        if ((key.roles & kSignsRoots) != 0) spec.signers.push_back({key.key, sign_trust});
    }
    spec.before_signing = {{40, version, 8}, {56, issued_at, 8}, {64, expires, 8}};
    spec.before_signing.insert(spec.before_signing.end(), in_header.begin(), in_header.end());
    return spec;
  }
  [[nodiscard]] Blob build() const { return packet().build(); }

  // The next version, saying the same; signed by the same keys.
  [[nodiscard]] RootSpec successor() const {
    RootSpec next = *this;
    ++next.version;
    next.previous = packet().content_digest();
    return next;
  }
};

// Alice is at home: offline, root and bases. Bob's key is online: adapters of one channel.
inline RootSpec root_of_alice_and_bob() {
  RootSpec root;
  root.keys = {{kAlice, kSignsBases | kSignsRoots, "alice"}, {kBob, kSignsAdapters, "bob"}};
  root.channels = {{"arm", 3}, {"leg", 1}};
  return root;
}

// Alice may sign everything.
inline PacketSpec root_spec() {
  RootSpec root;
  root.keys = {{kAlice}};
  return root.packet();
}

inline std::string root_verdict(const Blob& file, packet::TrustStore& root,
                                const packet::TrustStore* predecessor = nullptr) {
  return status_code(packet::TrustStore::open_root(file, predecessor, root).status);
}
inline std::string root_verdict(const PacketSpec& spec) {
  packet::TrustStore root;
  return root_verdict(spec.build(), root);
}
inline std::string root_verdict(const RootSpec& spec) { return root_verdict(spec.packet()); }

inline packet::TrustStore opened(const RootSpec& spec) {
  packet::TrustStore root;
  if (root_verdict(spec.build(), root) != "OK") throw std::logic_error("this root does not open");
  return root;
}

}  // namespace plasma::test
