// SPDX-License-Identifier: Apache-2.0
// pick.hpp -- gather and top_k: which rows of a table, which elements of a vector.
#pragma once

#include <cstdint>

namespace plasma::vm {

// A table [rows, cols] of f32, or of i8 with a scale for each row.
struct Table {
  const void* values;
  const float* scale;  // null: values are f32
  int rows, cols;
};

// y [count, cols]. False when an index is not a whole number in [0, rows); its row is then zeros.
[[nodiscard]] bool gather(const Table& table, const float* index, int count, float* y) noexcept;
[[nodiscard]] bool gather(const Table& table, const int32_t* index, int count, float* y) noexcept;

// The indices of the k largest of x [n], k <= n, the largest first; of equal ones the first first.
void top_k(const float* x, int n, int32_t* y, int k) noexcept;

}  // namespace plasma::vm
