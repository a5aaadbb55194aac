// SPDX-License-Identifier: Apache-2.0
// neondot.cpp -- neon with one instruction for sixteen int8 products: ARM cores since 2018.
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

LANES_INLINE int32x4_t add_row(int32x4_t sums, int8x16_t w, int8x16_t x) noexcept {
  return vdotq_s32(sums, w, x);
}

#include "kernels/panels.inc"

}  // namespace

constinit const KernelTable kNeonDot = table("neondot");

}  // namespace plasma::kernels
