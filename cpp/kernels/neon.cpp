// SPDX-License-Identifier: Apache-2.0
// neon.cpp -- what every 64-bit ARM has: sixteen lanes as four registers, int8 products by widening
// multiplies.
//
// For what may be included here, see avx2.cpp.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define LANES_INLINE [[gnu::always_inline]] inline

namespace plasma::kernels {

namespace {

constexpr int8_t kInputFlip = 0;  // NEON multiplies signed by signed

#include "kernels/lanes_arm.inc"
#include "kernels/lanes_kernels.inc"
#include "kernels/panels_arm.inc"

// Two products fit sixteen bits, 2 * 128 * 127 = 32'512 < 32'767; a third would not. Hence they are
// widened after every second one.
LANES_INLINE int32x4_t add_row(int32x4_t sums, int8x16_t w, int8x16_t x) noexcept {
  const int16x8_t first = vmull_s8(vget_low_s8(w), vget_low_s8(x));
  return vpadalq_s16(sums, vmlal_high_s8(first, w, x));
}

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kNeon = table("neon");

}  // namespace plasma::kernels
