// SPDX-License-Identifier: Apache-2.0
// test_packet_signature.cpp -- steps 3 and 4: who is believed, what counts as a signature, and the
// trailer.
#include <doctest/doctest.h>

#include "root_writer.hpp"

using namespace plasma;
using namespace plasma::test;
using packet::Kind;

namespace {

// The order of the group, little-endian.
constexpr std::array<uint8_t, 32> kOrder = {
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

std::array<uint8_t, 32> point(uint8_t first, uint8_t middle, uint8_t last) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(middle);
  bytes.front() = first;
  bytes.back() = last;
  return bytes;
}

constexpr std::array<uint8_t, 32> kOrderEight = {
    0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
    0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A};

// S = k a with R the neutral element: S B = R + k A holds, and a lenient verifier accepts it.
Blob sign_with_neutral_r(const Blob& region, const Key& key, const std::array<uint8_t, 32>& r) {
  Blob secret(key.secret_key.begin(), key.secret_key.begin() + 32);
  Blob a = sha512(secret, 32);
  a[0] &= 248;
  a[31] = static_cast<uint8_t>((a[31] & 127) | 64);
  Blob hashed;
  append(hashed, r);
  append(hashed, key.public_key);
  append(hashed, dsse(kPacketType, region));
  const Blob k_wide = sha512(hashed, 64);
  Blob a_wide = a;
  a_wide.resize(64);
  std::array<uint8_t, 32> k;
  std::array<uint8_t, 32> a_reduced;
  std::array<uint8_t, 32> s;
  crypto_core_ed25519_scalar_reduce(k.data(), k_wide.data());
  crypto_core_ed25519_scalar_reduce(a_reduced.data(), a_wide.data());
  crypto_core_ed25519_scalar_mul(s.data(), k.data(), a_reduced.data());
  Blob signature;
  append(signature, r);
  append(signature, s);
  return signature;
}

PacketSpec signed_with(std::function<Blob(const Blob&, const Key&)> sign) {
  PacketSpec spec = base_spec();
  spec.signers[0].sign = std::move(sign);
  return spec;
}

PacketSpec signed_by(std::vector<SignerSpec> signers) {
  PacketSpec spec = base_spec();
  spec.signers = std::move(signers);
  return spec;
}

std::string verdict_of_two(const PacketSpec& spec, uint32_t threshold = 1) {
  Device device;
  device.trust = trusting({&kAlice, &kBob}, threshold);
  return device.verdict(spec);
}

Blob sign_raw(const Blob& region, const Key& key) { return key.sign(region); }

}  // namespace

TEST_CASE("a trust store refuses small-order keys") {
  packet::TrustStore trust;
  for (const auto& key : {point(0, 0, 0), point(1, 0, 0), point(0xEC, 0xFF, 0x7F), kOrderEight}) {
    CHECK(trust.add(key).status == Status::KeyInvalid);
  }
  CHECK(trust.size() == 0);
}

TEST_CASE("a trust store refuses keys that are not canonical or not on the curve") {
  packet::TrustStore trust;
  for (unsigned above = 0xED; above <= 0xFF; ++above) {
    const uint8_t first = static_cast<uint8_t>(above);
    CHECK(trust.add(point(first, 0xFF, 0x7F)).status == Status::KeyInvalid);
    CHECK(trust.add(point(first, 0xFF, 0xFF)).status == Status::KeyInvalid);
  }
  CHECK(trust.add(point(2, 0, 0)).status == Status::KeyInvalid);
  CHECK(trust.size() == 0);
}

TEST_CASE("a trust store holds each key once and finds it by its id") {
  packet::TrustStore trust;
  CHECK_FALSE(trust.add(kAlice.public_key));
  CHECK(trust.add(kAlice.public_key).status == Status::KeyDuplicate);
  CHECK_FALSE(trust.add(kBob.public_key));
  CHECK(trust.size() == 2);
  const packet::SignerId id = packet::signer_id_of(kBob.public_key);
  CHECK(Blob(id.begin(), id.end()) == kBob.id());
  REQUIRE(trust.find(id) != nullptr);
  CHECK(trust.find(id)->key == kBob.public_key);
  CHECK(trust.find(packet::signer_id_of(kStranger.public_key)) == nullptr);
}

TEST_CASE("a threshold of zero, or above the number of keys, is the caller's mistake") {
  const Blob file = base_spec().build();
  Device device;
  device.trust.set_threshold(0);
  CHECK(device.verdict(file) == "E_ARGUMENT");
  device.trust.set_threshold(2);
  CHECK(device.verdict(file) == "E_ARGUMENT");
  device.trust.set_threshold(1);
  CHECK(device.verdict(file) == "OK");
  device.trust = packet::TrustStore();
  CHECK(device.verdict(file) == "E_ARGUMENT");
}

TEST_CASE("refuses a packet that only strangers signed") {
  CHECK(verdict(signed_by({{kStranger}})) == "E_SIG_UNKNOWN_KEY");
  CHECK(verdict(signed_by({{kStranger}, {kBob}})) == "E_SIG_UNKNOWN_KEY");
}

TEST_CASE(
    "skips strangers beside a trusted signer, in any order and even when they sign nonsense") {
  CHECK(verdict(signed_by({{kStranger}, {kAlice}})) == "OK");
  CHECK(verdict(signed_by({{kAlice}, {kStranger}})) == "OK");
  CHECK(verdict(signed_by({{kAlice}, {kStranger, sign_raw}})) == "OK");
}

TEST_CASE("one bad signature of a trusted key refuses the packet, whoever else signed it") {
  CHECK(verdict_of_two(signed_by({{kAlice}, {kBob, sign_raw}})) == "E_SIG_BAD");
  CHECK(verdict_of_two(signed_by({{kBob, sign_raw}, {kAlice}})) == "E_SIG_BAD");
  Device device;
  CHECK(device.verdict(signed_by({{kStranger}, {kAlice, sign_raw}})) == "E_SIG_BAD");
  CHECK(device.error.index == 1);
}

TEST_CASE("counts distinct trusted keys against the threshold") {
  CHECK(verdict_of_two(signed_by({{kAlice}, {kBob}}), 2) == "OK");
  CHECK(verdict_of_two(signed_by({{kAlice}}), 2) == "E_SIG_THRESHOLD");
  CHECK(verdict_of_two(signed_by({{kAlice}, {kStranger}}), 2) == "E_SIG_THRESHOLD");
  CHECK(verdict_of_two(signed_by({{kStranger}}), 2) == "E_SIG_UNKNOWN_KEY");
  CHECK(verdict_of_two(signed_by({{kStranger}, {kAlice}, {kBob}}), 2) == "OK");
}

TEST_CASE("an absent signature counts for nobody") {
  CHECK(verdict(signed_by({{kAlice, sign_absent}})) == "E_SIG_THRESHOLD");
  CHECK(verdict_of_two(signed_by({{kAlice}, {kBob, sign_absent}})) == "OK");
  CHECK(verdict_of_two(signed_by({{kAlice}, {kBob, sign_absent}}), 2) == "E_SIG_THRESHOLD");
  CHECK(verdict(signed_by({{kStranger, sign_absent}})) == "E_SIG_UNKNOWN_KEY");
}

TEST_CASE("refuses an id that stands twice, trusted or not, before looking at a signature") {
  CHECK(verdict_of_two(signed_by({{kAlice}, {kAlice}}), 2) == "E_DUP_SIGNER");
  CHECK(verdict(signed_by({{kAlice, sign_raw}, {kAlice, sign_raw}})) == "E_DUP_SIGNER");
  CHECK(verdict(signed_by({{kStranger}, {kAlice}, {kStranger}})) == "E_DUP_SIGNER");
}

TEST_CASE("refuses a signature over the raw bytes, without the pre-authentication encoding") {
  CHECK(verdict(signed_with(sign_raw)) == "E_SIG_BAD");
}

TEST_CASE("refuses a signature made for the other payload type, both ways") {
  CHECK(verdict(signed_with(sign_trust)) == "E_SIG_BAD");
  PacketSpec root = root_spec();
  root.signers[0].sign = sign_packet;
  CHECK(root_verdict(root) == "E_SIG_BAD");
}

TEST_CASE("refuses a wrong length inside the pre-authentication encoding") {
  CHECK(verdict(signed_with([](const Blob& region, const Key& key) {
          Blob longer = region;
          longer.push_back(0);
          return key.sign(dsse(kPacketType, longer));
        })) == "E_SIG_BAD");
}

TEST_CASE("refuses the signature of another packet") {
  PacketSpec other = base_spec();
  other.manifest = {0xA1};
  const Blob donor = other.build();
  const auto from = donor.begin() + static_cast<ptrdiff_t>(other.signatures_at());
  const Blob stolen(from, from + 64);
  CHECK(verdict(signed_with([&](const Blob&, const Key&) { return stolen; })) == "E_SIG_BAD");
}

TEST_CASE("refuses another key's signature under a trusted id") {
  CHECK(verdict(signed_with([](const Blob& region, const Key&) {
          return sign_packet(region, kStranger);
        })) == "E_SIG_BAD");
}

TEST_CASE("refuses S + L, the same signature in other bytes") {
  CHECK(verdict(signed_with([](const Blob& region, const Key& key) {
          Blob signature = sign_packet(region, key);
          unsigned carry = 0;
          for (size_t i = 0; i < 32; ++i) {
            carry += unsigned{signature[32 + i]} + kOrder[i];
            signature[32 + i] = static_cast<uint8_t>(carry);
            carry >>= 8;
          }
          return signature;
        })) == "E_SIG_BAD");
}

TEST_CASE("refuses a small-order or non-canonical R, even where the equation holds") {
  for (const auto& r : {point(1, 0, 0), point(0xEE, 0xFF, 0x7F), point(1, 0, 0x80)}) {
    CHECK(verdict(signed_with([&](const Blob& region, const Key& key) {
            return sign_with_neutral_r(region, key, r);
          })) == "E_SIG_BAD");
  }
}

TEST_CASE("refuses a trailer that does not match, after the signature") {
  Blob file = base_spec().build();
  file.back() ^= 1;
  CHECK(verdict(file) == "E_TRANSPORT");
  file = base_spec().build();
  file[file.size() - 40] ^= 1;
  CHECK(verdict(file) == "E_TRANSPORT");

  const PacketSpec spec = signed_by({{kStranger}, {kAlice}});
  file = spec.build();
  file[spec.signatures_at() + 5] ^= 1;
  CHECK(verdict(file) == "E_TRANSPORT");
  file = spec.build();
  file[spec.signatures_at() + 64 + 5] ^= 1;
  CHECK(verdict(file) == "E_SIG_BAD");
}

TEST_CASE("the signature is verified before a section record is read") {
  PacketSpec spec = signed_with(sign_raw);
  spec.before_signing = {{spec.record_at(0), 0, 4}};
  CHECK(verdict(spec) == "E_SIG_BAD");
  CHECK(verdict_with(spec.record_at(0), 0, 4) == "E_SECTION_ORDER");
}
