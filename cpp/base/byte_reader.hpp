// SPDX-License-Identifier: Apache-2.0
// byte_reader.hpp -- the only code that turns bytes
// into numbers: unsigned little-endian, bounds kept.
//
// Reading past the end gives zero and makes ok() false for
// good, so a parser reads a whole record and asks once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace plasma {

using Bytes = std::span<const uint8_t>;

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] size_t position() const noexcept { return position_; }
  [[nodiscard]] size_t left() const noexcept { return bytes_.size() - position_; }

  uint8_t u8() noexcept { return static_cast<uint8_t>(little_endian(1)); }
  uint16_t u16() noexcept { return static_cast<uint16_t>(little_endian(2)); }
  uint32_t u32() noexcept { return static_cast<uint32_t>(little_endian(4)); }
  uint64_t u64() noexcept { return little_endian(8); }
  int32_t i32() noexcept { return static_cast<int32_t>(u32()); }

  float f32() noexcept {
    const uint32_t bits = u32();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  Bytes take(size_t count) noexcept {
    if (count > left()) {
      ok_ = false;
      return {};
    }
    const Bytes part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }

  template <size_t N>
  std::array<uint8_t, N> array() noexcept {
    std::array<uint8_t, N> value{};
    const Bytes part = take(N);
    if (!part.empty()) std::memcpy(value.data(), part.data(), N);
    return value;
  }

  // True when the next `count` bytes exist and are all zero; moves past them.
  bool zeros(size_t count) noexcept {
    const Bytes part = take(count);
    if (part.size() != count) return false;
    for (uint8_t byte : part) {
      if (byte != 0) return false;
    }
    return true;
  }

 private:
  uint64_t little_endian(size_t count) noexcept {
    const Bytes part = take(count);
    uint64_t value = 0;
    for (size_t i = part.size(); i-- > 0;) value = value << 8 | part[i];
    return value;
  }

  Bytes bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace plasma
