// SPDX-License-Identifier: Apache-2.0
// mutant.hpp -- what the mutated copies call: each does what stood there, unless it is the one
// mutant that PLASMA_MUTANT names. Of two mutants in one place the second has the next number.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>

#include "plasma_edge/status.hpp"

namespace plasma::mutant {

// A table of limits may ask before main().
inline bool is_on(int number) noexcept {
  static const char* const chosen = std::getenv("PLASMA_MUTANT");
  static const int active = chosen == nullptr ? 0 : std::atoi(chosen);
  return active == number;
}

inline bool never(int number, bool value) noexcept { return !is_on(number) && value; }
inline bool always(int number, bool value) noexcept { return is_on(number) || value; }
inline bool held(int number, bool value) noexcept {
  return always(number + 1, never(number, value));
}
inline bool kept(int number) noexcept { return !is_on(number); }

inline Error forgiven(int number, Error error) noexcept { return is_on(number) ? Error{} : error; }
inline Error answer(int number, Error error) noexcept {
  if (is_on(number)) return {};
  if (!is_on(number + 1)) return error;
  return error ? Error{} : fail(Status::Argument, "mutant");
}

template <typename A, typename B>
bool less(int number, const A& a, const B& b) noexcept {
  return is_on(number) ? a <= b : a < b;
}
template <typename A, typename B>
bool at_most(int number, const A& a, const B& b) noexcept {
  return is_on(number) ? a < b : a <= b;
}
template <typename A, typename B>
bool more(int number, const A& a, const B& b) noexcept {
  return is_on(number) ? a >= b : a > b;
}
template <typename A, typename B>
bool at_least(int number, const A& a, const B& b) noexcept {
  return is_on(number) ? a > b : a >= b;
}

// As an operand of min or of max it no longer counts.
template <typename T>
T boundless(int number, T value) noexcept {
  return is_on(number) ? std::numeric_limits<T>::max() : value;
}
template <typename T>
T groundless(int number, T value) noexcept {
  return is_on(number) ? std::numeric_limits<T>::lowest() : value;
}

inline uint64_t bound(int number, uint64_t value) noexcept {
  return value + is_on(number) - is_on(number + 1);
}
inline uint8_t filled(int number, uint8_t bits) noexcept { return is_on(number) ? 0xFF : bits; }
inline uint8_t emptied(int number, uint8_t bits) noexcept {
  return is_on(number + 1) ? 0 : filled(number, bits);
}

}  // namespace plasma::mutant
