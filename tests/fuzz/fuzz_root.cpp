// SPDX-License-Identifier: Apache-2.0
// fuzz_root.cpp -- any trust root, alone and as the successor of one that a device has; what is
// accepted then judges a packet, for a device with a clock and floors of the fuzzer's choice.
#include "choices.hpp"
#include "root_writer.hpp"
#include "signed_packets.hpp"
#include "tally.hpp"

namespace plasma::test {
namespace {

using packet::Kind;
using packet::TrustStore;

// FORMAT.md, 8: what every accepted root keeps.
void check_root(const TrustStore& root) {
  require(root.version() >= 1, "a version");
  require(root.size() >= 1 && root.size() <= packet::kMaxRootKeys, "1 to 16 keys");
  size_t may_sign_roots = 0;
  for (const packet::TrustedKey& key : root.keys()) {
    require(key.roles >= 1 && key.roles <= 7, "every key has a role");
    require(root.find(key.id) == &key, "keys are distinct");
    may_sign_roots += (key.roles & packet::role_of(Kind::TrustRoot)) != 0;
  }
  require(root.threshold(Kind::TrustRoot) <= may_sign_roots, "its own threshold can be reached");
  for (const Kind kind : {Kind::Base, Kind::Adapter, Kind::TrustRoot}) {
    require(root.threshold(kind) >= 1, "nothing is trusted unsigned");
  }
}

uint64_t near(Choices& choices, uint64_t value) {
  return choices.coin() ? value + static_cast<uint64_t>(choices.within(-1, 1)) : choices.word();
}

// A base that its maker signed, for channel "arm".
void judge_packet(const TrustStore& root, Choices& choices) {
  static const packet::ChannelId arm = packet::channel_id_of(text("arm"));
  const uint64_t sequence = choices.word(), not_before = choices.word() & 0xFFFF;
  PacketSpec spec;
  spec.signers = {{kMaker}};
  spec.sections = {{1, pattern(64)}, {2, pattern(32)}, {7, pattern(96)}};
  for (size_t i = 0; i < arm.size(); ++i) spec.before_signing.push_back({72 + i, arm[i], 1});
  spec.before_signing.insert(spec.before_signing.end(),
                             {{40, sequence, 8}, {56, not_before, 8}, {64, not_before + 9, 8}});
  packet::Floor floor;
  floor.channel_id = arm;
  floor.kind = Kind::Base;
  floor.sequence = near(choices, sequence);
  floor.rollback_index = choices.coin() ? 0 : 1;
  floor.root_version = root.version();
  packet::Device device;
  device.time_floor = near(choices, not_before);
  device.strict_clock = choices.coin();
  device.floors = {&floor, 1};
  if (choices.coin()) device.now = near(choices, not_before);
  packet::Request request;
  request.device = &device;
  std::unique_ptr<packet::VerifiedPacket> verified;
  if (packet::Verifier::verify(spec.build(), root, request, verified)) return;
  const packet::TrustedKey* key = root.find(packet::signer_id_of(kMaker.public_key));
  require(key != nullptr && root.may_sign(*key, Kind::Base, arm), "who signed was allowed to");
  require(!root.is_revoked(verified->header().content_digest), "what was revoked stays out");
  require(sequence >= floor.sequence && sequence - floor.sequence <= 1u << 20, "no way back");
  require(device.now.value_or(not_before) <= not_before + 9, "what has expired is not installed");
}

void try_root(Bytes file) {
  static const TrustStore first = opened(root_of_alice_and_bob());
  TrustStore alone, next;
  const Error error = TrustStore::open_root(file, nullptr, alone);
  const bool follows = !TrustStore::open_root(file, &first, next);
  require(!follows || !error, "what follows another root stands alone as well");
  require(!follows || next.version() == first.version() + 1, "versions do not jump");
  if (error) return;
  ++tally.behind_signature;
  ++tally.accepted;
  check_root(alone);
  Choices choices(file.last(64).data(), 64);
  judge_packet(alone, choices);
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plasma::test::try_root({data, size});
  return 0;
}
