// SPDX-License-Identifier: Apache-2.0
// digest.cpp -- turns bytes into the 32-byte digests and 16-byte ids of the format.
//
// SHA-512 cut short, everywhere: one hash function, which Ed25519 needs anyway. libsodium's is
// plain C without state of its own, so these functions need no sodium_init().
#include "packet/digest.hpp"

#include <algorithm>

namespace plasma::packet {
namespace {

constexpr auto kKeyContext = context("plasma-edge key v1");
constexpr auto kChannelContext = context("plasma-edge channel v1");

std::array<uint8_t, 16> id_of(Bytes prefix, Bytes bytes) noexcept {
  Hash hash;
  hash.bytes(prefix);
  hash.bytes(bytes);
  const Digest digest = hash.finish();
  std::array<uint8_t, 16> id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

}  // namespace

Hash::Hash() noexcept { crypto_hash_sha512_init(&state_); }

void Hash::bytes(Bytes part) noexcept {
  crypto_hash_sha512_update(&state_, part.data(), part.size());
}

void Hash::number(uint64_t value, size_t count) noexcept {
  std::array<uint8_t, 8> little_endian;
  for (uint8_t& byte : little_endian) {
    byte = static_cast<uint8_t>(value & 0xFF);
    value >>= 8;
  }
  bytes(Bytes(little_endian).first(count));
}

Digest Hash::finish() noexcept {
  std::array<uint8_t, crypto_hash_sha512_BYTES> whole;
  crypto_hash_sha512_final(&state_, whole.data());
  Digest digest;
  static_assert(sizeof digest < sizeof whole);
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

Digest digest_of(Bytes bytes) noexcept {
  Hash hash;
  hash.bytes(bytes);
  return hash.finish();
}

SignerId signer_id_of(const PublicKey& key) noexcept { return id_of(kKeyContext, key); }

ChannelId channel_id_of(Bytes name) noexcept { return id_of(kChannelContext, name); }

}  // namespace plasma::packet
