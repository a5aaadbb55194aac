// SPDX-License-Identifier: Apache-2.0
// main.cpp -- every kernel table, kernel by kernel: time, work and share of the roofline.
//
// The roofline of int8 products is the fastest layer of the table here, whose weights serve many
// tokens or positions. A layer of one token reads each weight once, so bandwidth holds it back:
// GB/s are those of its weights.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "kernels/kernels.hpp"

namespace plasma {
namespace {

using kernels::KernelTable;

constexpr double kRoundSeconds = 0.002;
constexpr int kRounds = 30;
constexpr kernels::Range kUpToOne = {0, 0x3F800000u};

// Seconds of one call, the best of some rounds.
double time_of(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  int calls = 1;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::min(best, took / calls);
    calls = std::max(1, static_cast<int>(kRoundSeconds / best));
  }
  return best;
}

template <class T>
class Block {
 public:
  explicit Block(size_t count) {
    if (!buffer_.allocate(count * sizeof(T))) std::abort();
  }
  T* data() { return static_cast<T*>(static_cast<void*>(buffer_.data())); }

 private:
  AlignedBuffer buffer_;
};

struct Result {
  const char* kernel;
  std::string size;
  double seconds, operations;
  double bytes = 0;  // of weights, each read once
  bool is_int8 = false;

  [[nodiscard]] double rate() const { return operations / seconds; }
};

Result linear_i8(const KernelTable& table, int n, int tokens) {
  const size_t bytes = table.packed_i8_bytes(n, n);
  const size_t count = static_cast<size_t>(n) * static_cast<size_t>(tokens);
  Block<int8_t> packed(bytes), q(kernels::padded_cols(n) * static_cast<size_t>(tokens));
  Block<kernels::Grid> grids(kernels::kMaxTokens);
  Block<float> scale(static_cast<size_t>(n)), y(count);
  const double seconds = time_of([&] {
    table.linear_i8(packed.data(), q.data(), grids.data(), scale.data(), nullptr, 0.0f, y.data(), n, n,
                    tokens);
  });
  const std::string side = std::to_string(n);
  return {"linear_i8",          side + " x " + side + " x " + std::to_string(tokens), seconds,
          2.0 * n * n * tokens, tokens == 1 ? static_cast<double>(bytes) : 0,         true};
}

Result linear_f32(const KernelTable& table, int n) {
  const auto count = static_cast<size_t>(n);
  Block<float> w(count * count), x(count), y(count);
  const double seconds =
      time_of([&] { table.linear_f32(w.data(), x.data(), nullptr, y.data(), n, n); });
  const std::string side = std::to_string(n);
  return {"linear_f32", side + " x " + side + " x 1", seconds, 2.0 * n * n, 4.0 * n * n};
}

kernels::Window square_window(int size, int channels, int outputs) {
  return {.height = size,
          .width = size,
          .channels = channels,
          .out_height = size - 2,
          .out_width = size - 2,
          .out_channels = outputs,
          .kernel_height = 3,
          .kernel_width = 3,
          .stride_y = 1,
          .stride_x = 1,
          .pad_top = 0,
          .pad_left = 0,
          .pad_bottom = 0,
          .pad_right = 0,
          .dilation_y = 1,
          .dilation_x = 1,
          .groups = 1};
}

Result conv2d(const KernelTable& table) {
  const kernels::Window v = square_window(16, 64, 64);
  const size_t pixels = 16 * 16 * 64, results = 14 * 14 * 64;
  Block<int8_t> packed(table.packed_conv2d_bytes(v)), image(kernels::image_bytes(v));
  Block<float> x(pixels), scale(64), y(results);
  const double seconds = time_of([&] {
    table.conv2d_i8(v, packed.data(), x.data(), kUpToOne, image.data(), scale.data(), nullptr, 0,
                    y.data());
  });
  return {"conv2d_i8", "16 x 16 x 64, 3 x 3", seconds, 2.0 * results * 3 * 3 * 64, 0, true};
}

std::vector<Result> elementwise(const KernelTable& table) {
  constexpr int kCount = 256;
  Block<float> a(4 * kCount), b(4 * kCount), c(kCount), y(kCount);
  Block<int8_t> q(kCount);
  std::vector<Result> results;
  const auto time = [&](const char* name, const std::function<void()>& call) {
    results.push_back({name, std::to_string(kCount), time_of(call), kCount});
  };
  time("quantize", [&] { table.quantize(a.data(), kCount, kUpToOne, q.data()); });
  time("relu", [&] { table.relu(a.data(), y.data(), kCount); });
  time("tanh", [&] { table.tanh(a.data(), y.data(), kCount); });
  time("softmax", [&] { table.softmax(a.data(), y.data(), kCount); });
  time("layer_norm",
       [&] { table.layer_norm(a.data(), b.data(), c.data(), 1e-5f, y.data(), kCount); });
  time("gru", [&] { table.gru(a.data(), b.data(), c.data(), y.data(), kCount); });
  return results;
}

void print(const KernelTable& table, const std::vector<Result>& results) {
  double roofline = 0;
  for (const Result& result : results) {
    if (result.is_int8) roofline = std::max(roofline, result.rate());
  }
  for (const Result& result : results) {
    std::printf("%-11s %-11s %-20s %10.1f %8.1f", table.name, result.kernel, result.size.c_str(),
                result.seconds * 1e9, result.rate() / 1e9);
    if (result.bytes > 0) std::printf(" %7.1f", result.bytes / result.seconds / 1e9);
    if (result.bytes == 0) std::printf(" %7s", "");
    if (result.is_int8) std::printf(" %6.0f %%", 100 * result.rate() / roofline);
    std::printf("\n");
  }
}

void measure(const KernelTable& table) {
  std::vector<Result> results;
  for (const int n : {16, 64, 256, 512, 1024}) results.push_back(linear_i8(table, n, 1));
  results.push_back(linear_i8(table, 128, kernels::kMaxTokens));
  results.push_back(conv2d(table));
  for (const int n : {64, 256}) results.push_back(linear_f32(table, n));
  for (Result& result : elementwise(table)) results.push_back(std::move(result));
  print(table, results);
}

}  // namespace
}  // namespace plasma

int main() {
  std::printf("%-11s %-11s %-20s %10s %8s %7s %s\n", "table", "kernel", "size", "ns", "GOP/s",
              "GB/s", "roofline");
  const plasma::kernels::KernelTable* tables[16];
  const size_t count = plasma::kernels::available(tables, 16);
  for (size_t i = 0; i < count; ++i) plasma::measure(*tables[i]);
}
