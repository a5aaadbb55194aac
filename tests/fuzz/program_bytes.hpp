// SPDX-License-Identifier: Apache-2.0
// program_bytes.hpp -- sections as one string of bytes, for a fuzzer to keep: type u8, length u24,
// content, one after the other. Any string is some sections; a length beyond the end means the end.
#pragma once

#include <algorithm>

#include "program_builder.hpp"

namespace plasma::test {

inline Sections sections_from(Bytes bytes) {
  Sections sections;
  ByteReader reader(bytes);
  while (reader.left() >= 4) {
    const uint32_t type = reader.u8();
    const size_t low = reader.u16(), high = reader.u8();
    const Bytes content = reader.take(std::min(reader.left(), high << 16 | low));
    sections[type].assign(content.begin(), content.end());
  }
  return sections;
}

inline Blob bytes_from(const Sections& sections) {
  Blob bytes;
  for (const auto& [type, content] : sections) {
    append(bytes, type, 1);
    append(bytes, content.size(), 3);
    append(bytes, content);
  }
  return bytes;
}

}  // namespace plasma::test
