// SPDX-License-Identifier: Apache-2.0
// trust.cpp -- turns 32-byte public keys into the set of signers a device believes.
//
// A weak key is refused here, when a person adds it, and not only later, when a packet names it: a
// signature by a small-order key can be good for any message.
#include "packet/trust.hpp"

#include <sodium.h>

#include <algorithm>

namespace plasma::packet {

Error TrustStore::add(const PublicKey& key) noexcept {
  TrustedKey trusted;
  trusted.key = key;
  trusted.roles = role_of(Kind::Base) | role_of(Kind::Adapter);
  return add_key(trusted);
}

Error TrustStore::add_key(const TrustedKey& key) noexcept {
  // The one call of sodium_init (thread-safe, repeatable): a store without a key verifies nothing,
  // so no signature is looked at before it.
  if (sodium_init() < 0) return fail(Status::KeyInvalid, "libsodium did not start");
  if (crypto_core_ed25519_is_valid_point(key.key.data()) != 1) {
    return fail(Status::KeyInvalid, "key");
  }
  TrustedKey added = key;
  added.id = signer_id_of(key.key);
  if (find(added.id) != nullptr) return fail(Status::KeyDuplicate, "key");
  keys_.push_back(added);
  return {};
}

const TrustedKey* TrustStore::find(const SignerId& id) const noexcept {
  const auto entry = std::find_if(keys_.begin(), keys_.end(),
                                  [&id](const TrustedKey& key) { return key.id == id; });
  return entry == keys_.end() ? nullptr : &*entry;
}

const TrustedChannel* TrustStore::find_channel(const ChannelId& id) const noexcept {
  const auto entry =
      std::find_if(channels_.begin(), channels_.end(),
                   [&id](const TrustedChannel& channel) { return channel.id == id; });
  return entry == channels_.end() ? nullptr : &*entry;
}

bool TrustStore::may_sign(const TrustedKey& key, Kind kind,
                          const ChannelId& channel) const noexcept {
  if ((key.roles & role_of(kind)) == 0) return false;
  if (kind == Kind::TrustRoot || channels_.empty()) return true;
  const TrustedChannel* scope = find_channel(channel);
  return scope != nullptr && (scope->keys >> (&key - keys_.data()) & 1) != 0;
}

bool TrustStore::is_revoked(const Digest& content_digest) const noexcept {
  return std::binary_search(revoked_.begin(), revoked_.end(), content_digest);
}

}  // namespace plasma::packet
