// SPDX-License-Identifier: Apache-2.0
// digest.hpp -- H of FORMAT.md fed piece by piece, so that nothing has to be copied together first.
#pragma once

#include <sodium.h>

#include "packet/packet.hpp"

namespace plasma::packet {

// The text and its terminating 00, which every context string of FORMAT.md ends in.
template <size_t N>
consteval std::array<uint8_t, N> context(const char (&text)[N]) {
  std::array<uint8_t, N> bytes{};
  for (size_t i = 0; i < N; ++i) bytes[i] = static_cast<uint8_t>(text[i]);
  return bytes;
}

class Hash {
 public:
  Hash() noexcept;
  void bytes(Bytes part) noexcept;
  // The low `count` <= 8 bytes of value, little-endian.
  void number(uint64_t value, size_t count) noexcept;
  [[nodiscard]] Digest finish() noexcept;

 private:
  crypto_hash_sha512_state state_;
};

}  // namespace plasma::packet
