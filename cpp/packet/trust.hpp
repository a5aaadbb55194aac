// SPDX-License-Identifier: Apache-2.0
// trust.hpp -- whom a device believes: a list of public keys, or a trust root (FORMAT.md, 8).
#pragma once

#include "packet/packet.hpp"

namespace plasma::packet {

inline constexpr uint32_t kMaxRootKeys = 16;
inline constexpr uint32_t kMaxRootChannels = 64;
inline constexpr uint32_t kMaxRevoked = 256;
inline constexpr uint64_t kMaxRootFileBytes = 65'536;

// `roles` has the bit role_of(kind) for each kind of packet that the key may sign.
struct TrustedKey {
  PublicKey key{};
  SignerId id{};
  uint8_t roles = 0;
  std::array<char, 31> name{};  // printable ASCII, NUL-terminated
};

struct TrustedChannel {
  ChannelId id{};
  uint16_t keys = 0;  // bit i: key i may sign in it
  uint64_t sequence_floor = 0;
  uint32_t rollback_floor = 0;
  uint32_t reset = 0;  // floors confirmed under an older root than this version are forgotten
  std::array<char, 45> name{};
};

[[nodiscard]] constexpr uint8_t role_of(Kind kind) noexcept {
  return static_cast<uint8_t>(1u << (static_cast<uint16_t>(kind) - 1));
}

class TrustStore {
 public:
  // A key for bases and adapters of every channel.
  // KeyInvalid: a small-order or non-canonical point. KeyDuplicate: the key is here already.
  Error add(const PublicKey& key) noexcept;
  // For bases and adapters alike. 1 <= threshold <= size(), or verify() answers Argument.
  void set_threshold(uint32_t threshold) noexcept { thresholds_ = {threshold, threshold, 0}; }

  // A root that its own root keys signed and, where there is a predecessor, whose version follows
  // the predecessor's and whose bytes the predecessor's root keys signed as well. Without one the
  // file itself must come from where only the owner writes. On failure `root` is unchanged.
  static Error open_root(Bytes file, const TrustStore* predecessor, TrustStore& root) noexcept;

  [[nodiscard]] size_t size() const noexcept { return keys_.size(); }
  [[nodiscard]] const TrustedKey* find(const SignerId& id) const noexcept;
  [[nodiscard]] const TrustedChannel* find_channel(const ChannelId& id) const noexcept;
  // A root that names channels trusts nobody in another one.
  [[nodiscard]] bool may_sign(const TrustedKey& key, Kind kind,
                              const ChannelId& channel) const noexcept;
  [[nodiscard]] bool is_revoked(const Digest& content_digest) const noexcept;
  [[nodiscard]] uint32_t threshold(Kind kind) const noexcept {
    return thresholds_[static_cast<size_t>(kind) - 1];
  }

  // Of a root; of a list of keys, zero and empty.
  [[nodiscard]] uint32_t version() const noexcept { return version_; }
  [[nodiscard]] uint64_t issued_at() const noexcept { return issued_at_; }
  [[nodiscard]] uint64_t expires() const noexcept { return expires_; }
  [[nodiscard]] const Digest& content_digest() const noexcept { return content_digest_; }
  [[nodiscard]] std::span<const TrustedKey> keys() const noexcept { return keys_; }
  [[nodiscard]] std::span<const TrustedChannel> channels() const noexcept { return channels_; }
  [[nodiscard]] std::span<const Digest> revoked() const noexcept { return revoked_; }

 private:
  Error read(const Header& header, Bytes section) noexcept;
  Error add_key(const TrustedKey& key) noexcept;
  [[nodiscard]] Error check_thresholds() const noexcept;

  std::vector<TrustedKey> keys_;
  std::array<uint32_t, 3> thresholds_ = {1, 1, 0};  // by kind
  std::vector<TrustedChannel> channels_;
  std::vector<Digest> revoked_;
  uint32_t version_ = 0;
  uint64_t issued_at_ = 0;
  uint64_t expires_ = 0;
  Digest content_digest_{};
};

}  // namespace plasma::packet
