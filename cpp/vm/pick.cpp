// SPDX-License-Identifier: Apache-2.0
// pick.cpp -- gather and top_k, the only instructions whose addresses depend on data: here, and
// nowhere else, an index is checked at every tick.
#include "vm/pick.hpp"

#include <algorithm>

namespace plasma::vm {
namespace {

// The row that an index names; -1: none. Comparisons first: only a small number may be converted.
int row_of(float index, int rows) noexcept {
  if (!(index >= 0 && index < static_cast<float>(rows))) return -1;
  const int row = static_cast<int>(index);
  return static_cast<float>(row) == index && row < rows ? row : -1;
}
int row_of(int32_t index, int rows) noexcept { return index >= 0 && index < rows ? index : -1; }

void copy_row(const Table& table, int row, float* y) noexcept {
  const size_t begin = static_cast<size_t>(row) * static_cast<size_t>(table.cols);
  if (table.scale == nullptr) {
    const float* values = static_cast<const float*>(table.values) + begin;
    *y = *values;  // an element alone is not worth a call
    if (table.cols > 1) std::copy_n(values, table.cols, y);
    return;
  }
  const int8_t* q = static_cast<const int8_t*>(table.values) + begin;
  for (int c = 0; c < table.cols; ++c) y[c] = static_cast<float>(q[c]) * table.scale[row];
}

template <class Index>
bool gather_rows(const Table& table, const Index* index, int count, float* y) noexcept {
  bool all_exist = true;
  for (int i = 0; i < count; ++i, y += table.cols) {
    const int row = row_of(index[i], table.rows);
    if (row >= 0) {
      copy_row(table, row, y);
    } else {
      std::fill_n(y, table.cols, 0.0f);
      all_exist = false;
    }
  }
  return all_exist;
}

}  // namespace

bool gather(const Table& table, const float* index, int count, float* y) noexcept {
  return gather_rows(table, index, count, y);
}

bool gather(const Table& table, const int32_t* index, int count, float* y) noexcept {
  return gather_rows(table, index, count, y);
}

// Insertion into a sorted list of k: most elements of a long vector meet only its last.
void top_k(const float* x, int n, int32_t* y, int k) noexcept {
  for (int i = 0; i < n; ++i) {
    int at = std::min(i, k);
    if (at == k && !(x[i] > x[y[k - 1]])) continue;
    if (at == k) --at;
    for (; at > 0 && x[i] > x[y[at - 1]]; --at) y[at] = y[at - 1];
    y[at] = i;
  }
}

}  // namespace plasma::vm
