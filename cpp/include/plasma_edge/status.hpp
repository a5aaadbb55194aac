// SPDX-License-Identifier: Apache-2.0
// status.hpp -- what every fallible call returns: a code
// from status.def, and what was found and expected.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plasma {

enum class Status : uint16_t {
#define PLASMA_STATUS(code, name, text, family, sentence) name = code,
#include "plasma_edge/status.def"
#undef PLASMA_STATUS
};

enum class Family : uint8_t { None, Signature, Packet, Program, Policy, Usage };

// How `found` and `expected` of an Error relate; None when the error carries no numbers.
enum class Relation : uint8_t { None, Equal, AtMost, AtLeast };

// Converts to true when something failed, so that a
// check reads: if (Error error = check()) return error;
struct [[nodiscard]] Error {
  Status status = Status::Ok;
  Relation relation = Relation::None;
  int32_t index = -1;      // which instruction, section, tensor...; -1 when there is only one
  const char* where = "";  // field or part, a literal
  uint64_t found = 0;
  uint64_t expected = 0;

  explicit operator bool() const noexcept { return status != Status::Ok; }
};

inline Error fail(Status status, const char* where, int32_t index = -1) noexcept {
  return {status, Relation::None, index, where, 0, 0};
}
inline Error fail_equal(Status status, const char* where, uint64_t found, uint64_t expected,
                        int32_t index = -1) noexcept {
  return {status, Relation::Equal, index, where, found, expected};
}
inline Error fail_at_most(Status status, const char* where, uint64_t found, uint64_t most,
                          int32_t index = -1) noexcept {
  return {status, Relation::AtMost, index, where, found, most};
}
inline Error fail_at_least(Status status, const char* where, uint64_t found, uint64_t least,
                           int32_t index = -1) noexcept {
  return {status, Relation::AtLeast, index, where, found, least};
}

[[nodiscard]] const char* status_code(Status status) noexcept;      // "E_SIG_BAD"
[[nodiscard]] const char* status_sentence(Status status) noexcept;  // what it means and what to do
[[nodiscard]] Family status_family(Status status) noexcept;

// Writes "E_LIMIT: section_count is 17, expected at most 16: a count or length ..." into text,
// always NUL-terminated; returns the length written without the NUL. 256 bytes hold every message.
size_t format_error(const Error& error, char* text, size_t capacity) noexcept;

}  // namespace plasma
