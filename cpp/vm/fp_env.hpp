// SPDX-License-Identifier: Apache-2.0
// fp_env.hpp -- pins the floating-point mode to its default for a scope (ISA.md, numerics 2).
//
// Any -Ofast library in the process may have turned on flush-to-zero. The arithmetic must sit
// behind a call that the compiler cannot see through: it is free to move a plain division across
// the register writes below, and does.
#pragma once

#include <cstdint>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace plasma::vm {

class DefaultFpMode {
 public:
  DefaultFpMode() noexcept : host_(read()) { write(kDefault); }
  ~DefaultFpMode() { write(host_); }
  DefaultFpMode(const DefaultFpMode&) = delete;
  DefaultFpMode& operator=(const DefaultFpMode&) = delete;

 private:
#if defined(__x86_64__)
  using Mode = uint32_t;
  static constexpr Mode kDefault = 0x1F80;
  static Mode read() noexcept { return _mm_getcsr(); }
  static void write(Mode mode) noexcept { _mm_setcsr(mode); }
#elif defined(__aarch64__)
  using Mode = uint64_t;
  static constexpr Mode kDefault = 0;
  static Mode read() noexcept {
    Mode mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode)::"memory");
    return mode;
  }
  static void write(Mode mode) noexcept { asm volatile("msr fpcr, %0" ::"r"(mode) : "memory"); }
#else
#error "plasma-edge needs x86-64 or aarch64: say here how this CPU's floating-point mode is set"
#endif

  Mode host_;
};

}  // namespace plasma::vm
