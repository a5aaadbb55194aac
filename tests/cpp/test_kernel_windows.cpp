// SPDX-License-Identifier: Apache-2.0
// test_kernel_windows.cpp -- conv2d, pools and transposition: every table gives the bits of kScalar
// and writes nothing beyond its output, and kScalar gives those of the golden hash.
#include <doctest/doctest.h>

#include "kernel_fixtures.hpp"

namespace plasma::kernels {
namespace {

// A change here is a change of the instruction set (vm/ISA.md).
constexpr uint64_t kGolden = 0x835E5044E899488Cu;

int one_axis(int size, int kernel, int dilation, int stride, int pads) {
  return (size + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

void set_output(Window& v) {
  v.out_height =
      one_axis(v.height, v.kernel_height, v.dilation_y, v.stride_y, v.pad_top + v.pad_bottom);
  v.out_width =
      one_axis(v.width, v.kernel_width, v.dilation_x, v.stride_x, v.pad_left + v.pad_right);
}

Window random_conv(Random& random) {
  Window v{};
  const bool is_torn = random.below(4) == 0;
  v.groups = is_torn ? 1 + random.below(4) : 1;
  v.channels = v.groups * (1 + random.below(12));
  v.out_channels = v.groups * (1 + random.below(random.below(2) ? 100 : 9));
  v.kernel_height = 1 + random.below(4), v.kernel_width = 1 + random.below(4);
  v.dilation_y = is_torn ? 1 + random.below(2) : 1,
  v.dilation_x = is_torn ? 1 + random.below(2) : 1;
  v.stride_y = 1 + random.below(3), v.stride_x = 1 + random.below(3);
  v.pad_top = random.below(3), v.pad_bottom = random.below(3);
  v.pad_left = random.below(3), v.pad_right = random.below(3);
  v.height = v.dilation_y * (v.kernel_height - 1) + 1 + random.below(6);
  v.width = v.dilation_x * (v.kernel_width - 1) + 1 + random.below(12);
  set_output(v);
  return v;
}

Window random_pool(Random& random) {
  Window v = random_conv(random);
  v.dilation_y = v.dilation_x = 1;
  v.groups = v.out_channels = v.channels = 1 + random.below(40);
  v.pad_top %= v.kernel_height, v.pad_bottom %= v.kernel_height;
  v.pad_left %= v.kernel_width, v.pad_right %= v.kernel_width;
  set_output(v);
  return v;
}

int pixels(const Window& v) { return v.height * v.width * v.channels; }
int outputs(const Window& v) { return v.out_height * v.out_width * v.out_channels; }

struct Layer {
  std::vector<float> x, scale, bias;
  std::vector<int8_t> w;

  Layer(Random& random, const Window& v)
      : x(numbers(random, pixels(v))),
        scale(numbers(random, v.out_channels)),
        bias(numbers(random, v.out_channels)),
        w(weights(random,
                  v.out_channels * v.kernel_height * v.kernel_width * (v.channels / v.groups))) {}
};

struct Convolved {
  std::vector<float> y;
  std::vector<uint32_t> range;
  bool operator==(const Convolved& other) const {
    return bits_of(y) == bits_of(other.y) && range == other.range;
  }
};

Convolved conv2d(Table k, const Window& v, const Layer& layer, bool has_bias, float low,
                 int offset) {
  Guarded<int8_t> packed(static_cast<int>(k.packed_conv2d_bytes(v)));
  k.pack_conv2d(v, layer.w.data(), packed.data());
  Fenced x(layer.x, pixels(v));
  Guarded<int8_t> image(static_cast<int>(image_bytes(v)));
  std::fill_n(image.data(), image_bytes(v), int8_t{85});  // left by another layer
  Guarded<float> y(outputs(v), offset), scale(layer.scale, (offset + 3) % 16);
  const Range range =
      k.conv2d_i8(v, packed.data(), x.data(), k.range(x.data(), pixels(v)), image.data(),
                  scale.data(), has_bias ? layer.bias.data() : nullptr, low, y.data());
  CHECK(packed.guards_intact());
  CHECK(image.guards_intact());
  CHECK(y.guards_intact());
  return {y.values(), bits_of(range)};
}

struct Pooled {
  std::vector<float> largest, mean;
  uint32_t peak;
};

Pooled pool(Table k, const Window& v, const std::vector<float>& x, int offset) {
  Guarded<float> at(x, (offset + 5) % 16), largest(outputs(v), offset), mean(outputs(v), offset);
  const uint32_t peak = k.max_pool2d(v, at.data(), largest.data());
  k.avg_pool2d(v, at.data(), mean.data());
  CHECK(largest.guards_intact());
  CHECK(mean.guards_intact());
  return {largest.values(), mean.values(), canonical_peak(peak)};
}

std::vector<float> transpose(Table k, const std::vector<float>& x, int rows, int offset) {
  const int n = static_cast<int>(x.size());
  Guarded<float> at(x, (offset + 1) % 16), y(n, offset);
  const auto height = static_cast<size_t>(rows), width = static_cast<size_t>(n / rows);
  k.strided({0, {1, 1, width, height}, {0, 0, 1, n / rows}}, at.data(), y.data());
  CHECK(y.guards_intact());
  return y.values();
}

}  // namespace

TEST_CASE("conv2d gives the bits of scalar for random windows") {
  Random random{11};
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const Window v = random_conv(random);
    const Layer layer(random, v);
    const float low = round % 3 ? 0.0f : -kInf;
    const Convolved expected = conv2d(kScalar, v, layer, round % 2, low, 0);
    for (const KernelTable* table : tables()) {
      CHECK(conv2d(*table, v, layer, round % 2, low, round % 16) == expected);
    }
  }
}

TEST_CASE("conv2d then relu is conv2d and then relu") {
  Random random{15};
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    const Window v = random_conv(random);
    const Layer layer(random, v);
    for (const KernelTable* table : tables()) {
      const Convolved plain = conv2d(*table, v, layer, round % 2, -kInf, 0);
      std::vector<float> y(plain.y);
      CHECK(plain.range == bits_of(table->range(y.data(), outputs(v))));
      table->relu(y.data(), y.data(), outputs(v));
      CHECK(conv2d(*table, v, layer, round % 2, 0.0f, 0) == Convolved{y, plain.range});
    }
  }
}

TEST_CASE("conv2d of values that are not finite, and of the least, is its bias") {
  Random random{16};
  for (int round = 0; round < 60; ++round) {
    Window v = random_conv(random);
    Layer layer(random, v);
    layer.x[static_cast<size_t>(random.below(pixels(v)))] = round % 3 ? kInf : kNan;
    if (round % 2) std::fill(layer.x.begin(), layer.x.end(), 0x1.fffffep-101f);
    for (const KernelTable* table : tables()) {
      const Convolved result = conv2d(*table, v, layer, true, -kInf, 0);
      for (size_t i = 0; i < result.y.size(); ++i) {
        CHECK(result.y[i] == layer.bias[i % static_cast<size_t>(v.out_channels)]);
      }
    }
  }
}

TEST_CASE("conv2d tells of results that are not finite") {
  Random random{17};
  Window v = random_conv(random);
  v.pad_top = v.pad_left = v.pad_bottom = v.pad_right = 0;
  set_output(v);
  Layer layer(random, v);
  std::fill(layer.w.begin(), layer.w.end(), int8_t{1});
  std::fill(layer.scale.begin(), layer.scale.end(), 0x1p+40f);
  for (const float x : {1e30f, -1e30f}) {
    std::fill(layer.x.begin(), layer.x.end(), x);
    for (const KernelTable* table : tables()) {
      const Convolved result = conv2d(*table, v, layer, true, 0.0f, 0);
      CHECK(result.range[x > 0] == 0x7F800000u);
      CHECK(result.range[x < 0] == 0u);
    }
  }
}

TEST_CASE("pools give the bits of scalar for random windows and extreme values") {
  Random random{12};
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const Window v = random_pool(random);
    const std::vector<float> x =
        round % 2 ? numbers(random, pixels(v)) : extremes(random, pixels(v), kKinds);
    const Pooled expected = pool(kScalar, v, x, 0);
    for (const KernelTable* table : tables()) {
      const Pooled found = pool(*table, v, x, round % 16);
      CHECK(bits_of(found.largest) == bits_of(expected.largest));
      CHECK(bits_of(found.mean) == bits_of(expected.mean));
      CHECK(found.peak == expected.peak);
    }
  }
}

TEST_CASE("a transposing strided gives the bits of scalar for every shape") {
  Random random{13};
  for (int rows = 1; rows <= 40; ++rows) {
    for (int cols = 1; cols <= 40; ++cols) {
      const std::vector<float> x = numbers(random, rows * cols);
      const auto expected = bits_of(transpose(kScalar, x, rows, 0));
      for (const KernelTable* table : tables()) {
        CHECK(bits_of(transpose(*table, x, rows, cols % 16)) == expected);
      }
    }
  }
}

TEST_CASE("the bits of every window are the golden ones") {
  for (const KernelTable* table : tables()) {
    Random random{14};
    Hash hash;
    for (int round = 0; round < 60; ++round) {
      const Window v = random_conv(random);
      hash.floats(conv2d(*table, v, Layer(random, v), round % 2, -kInf, 0).y);
      const Window p = random_pool(random);
      const std::vector<float> x =
          round % 2 ? numbers(random, pixels(p)) : extremes(random, pixels(p), kFiniteKinds);
      const Pooled pooled = pool(*table, p, x, 0);
      hash.word(pooled.peak);
      hash.floats(pooled.largest);
      hash.floats(pooled.mean);
      hash.floats(transpose(*table, numbers(random, 7 * (1 + round)), 7, 0));
    }
    CHECK(hash.value == kGolden);
  }
}

}  // namespace plasma::kernels
