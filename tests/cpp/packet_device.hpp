// SPDX-License-Identifier: Apache-2.0
// packet_device.hpp -- the packets and the device that the tests of cpp/packet start from.
#pragma once

#include <memory>
#include <string>

#include "packet/trust.hpp"
#include "packet_writer.hpp"

namespace plasma::test {

inline const Key kAlice{1};     // trusted
inline const Key kBob{2};       // trusted where a test says so
inline const Key kStranger{9};  // never trusted

// PROG and IO as they are, TENS and CONST_I8 compressed; signed by Alice.
inline PacketSpec base_spec() {
  PacketSpec spec;
  spec.signers = {{kAlice}};
  spec.sections = {
      {1, pattern(130)}, {2, pattern(200, 3), 1}, {3, Blob(300, 5), 1}, {7, pattern(96, 9)}};
  spec.manifest = {0xA0};
  return spec;
}

inline PacketSpec adapter_spec() {
  PacketSpec spec;
  spec.kind = 2;
  spec.base_digest = Blob(32, 0x42);
  spec.signers = {{kAlice}};
  spec.sections = {{16, pattern(32)}, {17, pattern(256), 1}};
  return spec;
}

inline packet::TrustStore trusting(std::initializer_list<const Key*> keys, uint32_t threshold = 1) {
  packet::TrustStore trust;
  for (const Key* key : keys) static_cast<void>(trust.add(key->public_key).status);
  trust.set_threshold(threshold);
  return trust;
}

struct Device {
  packet::TrustStore trust = trusting({&kAlice});
  packet::Request request = {};

  // "OK" or the code of the error. A packet exists exactly when nothing failed.
  std::string verdict(const Blob& file) {
    error = packet::Verifier::verify(file, trust, request, packet);
    if ((packet == nullptr) != static_cast<bool>(error)) return "packet and error disagree";
    return status_code(error.status);
  }
  std::string verdict(const PacketSpec& spec) { return verdict(spec.build()); }

  Error error = {};
  std::unique_ptr<packet::VerifiedPacket> packet = {};
};

inline Device device_for(packet::Kind kind) {
  Device device;
  device.request.kind = kind;
  return device;
}

inline std::string verdict(const Blob& file) { return Device().verdict(file); }
inline std::string verdict(const PacketSpec& spec) { return Device().verdict(spec); }

// base_spec() with one more value written before it is signed.
inline std::string verdict_with(size_t at, uint64_t value, size_t count) {
  PacketSpec spec = base_spec();
  spec.before_signing = {{at, value, count}};
  return verdict(spec);
}

}  // namespace plasma::test
