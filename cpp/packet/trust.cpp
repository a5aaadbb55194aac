// SPDX-License-Identifier: Apache-2.0
// trust.cpp -- turns 32-byte public keys into the set of signers a device believes.
//
// A weak key is refused here, when a person adds it, and not only later, when a packet names it: a
// signature by a small-order key can be good for any message.
#include <sodium.h>

#include <algorithm>

#include "packet/packet.hpp"

namespace plasma::packet {

Error TrustStore::add(const PublicKey& key) noexcept {
  // The one call of sodium_init (thread-safe, repeatable): a store without a key verifies nothing,
  // so no signature is looked at before it.
  if (sodium_init() < 0) return fail(Status::KeyInvalid, "libsodium did not start");
  if (crypto_core_ed25519_is_valid_point(key.data()) != 1) return fail(Status::KeyInvalid, "key");
  const SignerId id = signer_id_of(key);
  if (find(id) != nullptr) return fail(Status::KeyDuplicate, "key");
  keys_.push_back({id, key});
  return {};
}

const PublicKey* TrustStore::find(const SignerId& id) const noexcept {
  const auto entry = std::find_if(keys_.begin(), keys_.end(),
                                  [&id](const Entry& candidate) { return candidate.id == id; });
  return entry == keys_.end() ? nullptr : &entry->key;
}

}  // namespace plasma::packet
