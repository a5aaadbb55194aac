// SPDX-License-Identifier: Apache-2.0
// host_mode.hpp -- what a hostile library does to the
// floating-point mode: denormals flushed, rounding upwards.
#pragma once

#include <cstdint>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace plasma::test {

#if defined(__x86_64__)
using FpMode = uint32_t;
constexpr FpMode kHostile = 0x1F80 | 0x8000 | 0x0040 | 0x4000;  // FTZ, DAZ, upwards
constexpr FpMode kControl = ~FpMode{0x3F};                      // the rest are sticky flags
inline FpMode fp_mode() { return _mm_getcsr() & kControl; }
inline void set_fp_mode(FpMode mode) { _mm_setcsr(mode); }
#else
using FpMode = uint64_t;
constexpr FpMode kHostile = FpMode{1} << 24 | FpMode{1} << 22;  // FZ, upwards
inline FpMode fp_mode() {
  FpMode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode)::"memory");
  return mode;
}
inline void set_fp_mode(FpMode mode) { asm volatile("msr fpcr, %0" ::"r"(mode) : "memory"); }
#endif

class HostileMode {
 public:
  HostileMode() : before_(fp_mode()) { set_fp_mode(kHostile); }
  ~HostileMode() { set_fp_mode(before_); }
  HostileMode(const HostileMode&) = delete;
  HostileMode& operator=(const HostileMode&) = delete;

 private:
  FpMode before_;
};

}  // namespace plasma::test
