// SPDX-License-Identifier: Apache-2.0
// test_vm_windows.cpp -- conv2d and the pools: what their windows may be, what they cost, and
// their bits against reference_machine.hpp for random windows.
#include "comparison.hpp"
#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

struct Size {
  uint32_t height = 1, width = 1;
};

// x[height, width, channels] -> conv2d -> y. The output follows from the rest, by ISA.md.
struct Conv {
  Size image = {5, 4}, kernel = {3, 2}, stride = {}, before = {0, 0}, after = {0, 0}, dilation = {};
  uint32_t channels = 2, out_channels = 3, groups = 1;
  bool has_bias = true;

  [[nodiscard]] Floats immediates() const {
    Floats all;
    for (const Size& size : {stride, before, after, dilation}) {
      all.push_back(static_cast<float>(size.height));
      all.push_back(static_cast<float>(size.width));
    }
    return all;
  }
  [[nodiscard]] Size out() const {
    const auto one = [](uint32_t n, uint32_t k, uint32_t s, uint32_t pads, uint32_t d) {
      return (n + pads - d * (k - 1) - 1) / s + 1;
    };
    return {
        one(image.height, kernel.height, stride.height, before.height + after.height,
            dilation.height),
        one(image.width, kernel.width, stride.width, before.width + after.width, dilation.width)};
  }
  [[nodiscard]] P program(uint64_t seed = 1) const {
    P p;
    Dice dice{seed};
    const uint16_t x = p.image("x", Storage::Input, {image.height, image.width, channels});
    const std::vector<uint32_t> dims = {out_channels, kernel.height, kernel.width,
                                        channels / groups};
    const size_t weights = size_t{dims[0]} * dims[1] * dims[2] * dims[3];
    const uint16_t w = p.kernels(dims, dice.weights(weights), dice.scales(out_channels));
    std::vector<uint16_t> in = {x, w};
    if (has_bias) in.push_back(p.constant(dice.floats(out_channels)));
    const uint16_t y = p.image("y", Storage::Output, {out().height, out().width, out_channels});
    const Floats numbers = immediates();
    p.op(Opcode::Conv2d, y, in, numbers[0]);
    p.instructions[0].more.assign(numbers.begin() + 1, numbers.end());
    return p;
  }
};

Conv random_conv(Dice& dice) {
  const auto size = [&](uint32_t least, uint32_t count) -> Size {
    return {least + dice.below(count), least + dice.below(count)};
  };
  Conv conv{.kernel = size(1, 4), .stride = size(1, 3), .before = size(0, 3), .after = size(0, 3)};
  conv.dilation = dice.below(3) == 0 ? size(1, 3) : Size{};
  conv.groups = dice.below(3) == 0 ? 1 + dice.below(5) : 1;
  conv.channels = conv.groups * (1 + dice.below(9));
  conv.out_channels = conv.groups * (1 + dice.below(dice.below(2) == 0 ? 5 : 70));
  conv.image = {conv.dilation.height * (conv.kernel.height - 1) + 1 + dice.below(7),
                conv.dilation.width * (conv.kernel.width - 1) + 1 + dice.below(7)};
  conv.has_bias = dice.below(2) == 0;
  return conv;
}

// x -> pool of a kernel, a stride and pads -> y.
P pool(Opcode opcode, const std::vector<uint32_t>& x, const Floats& immediates,
       const std::vector<uint32_t>& y) {
  P p;
  const uint16_t in = p.image("x", Storage::Input, x);
  p.op(opcode, p.image("y", Storage::Output, y), {in}, immediates[0]);
  p.instructions[0].more.assign(immediates.begin() + 1, immediates.end());
  return p;
}

P random_pool(Dice& dice, Opcode opcode) {
  const uint32_t channels = 1 + dice.below(40);
  Floats numbers;
  for (size_t i = 0; i < 4; ++i) numbers.push_back(static_cast<float>(1 + dice.below(4)));
  for (size_t i = 0; i < 4; ++i) {
    numbers.push_back(static_cast<float>(dice.below(static_cast<uint64_t>(numbers[i % 2]))));
  }
  std::vector<uint32_t> x, y;
  for (size_t i = 0; i < 2; ++i) {
    const auto number = [&](size_t k) { return static_cast<uint32_t>(numbers[k + i]); };
    x.push_back(number(0) + dice.below(7));
    y.push_back((x[i] + number(4) + number(6) - number(0)) / number(2) + 1);
  }
  x.push_back(channels), y.push_back(channels);
  return pool(opcode, x, numbers, y);
}

}  // namespace

TEST_CASE("conv2d gives the bits of the reference for random windows, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{1};
    for (int i = 0; i < 120; ++i) compare(random_conv(dice).program(), table);
  });
}

TEST_CASE("conv2d gives the bits of the reference for every number of rows and positions") {
  for_each_table([](const kernels::KernelTable& table) {
    for (uint32_t n = 1; n <= 20; ++n) {
      compare(Conv{.image = {3, n + 1}, .out_channels = 33}.program(), table);
      compare(Conv{.image = {3, 4}, .channels = 3, .out_channels = 4 * n + 1}.program(), table);
    }
  });
}

TEST_CASE("pools give the bits of the reference for random windows, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    Dice dice{2};
    for (int i = 0; i < 60; ++i) {
      compare(random_pool(dice, Opcode::MaxPool2d), table);
      compare(random_pool(dice, Opcode::AvgPool2d), table);
    }
  });
}

TEST_CASE("the products of a conv2d are exact at the largest values") {
  Conv conv{.image = {12, 1}, .kernel = {11, 1}, .channels = 6'052, .out_channels = 1};
  conv.has_bias = false;
  P p = conv.program();
  const size_t terms = size_t{11} * 6'052;  // 66,572
  p.tensors[p.instructions[0].in[1]].values = bytes_of(Weights(terms, -127));
  p.tensors[p.tensors[p.instructions[0].in[1]].scale].values = words(Floats{1});
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    for (const float x : {127.0f, -127.0f}) {
      const Floats y = floats_of(rig.tick(Floats(rig.input_count(), x)));
      CHECK(y[0] == -127.0f * x * static_cast<float>(terms));
      CHECK(y[1] == y[0]);
    }
  });
}

TEST_CASE("the immediates of a window are whole numbers of at most 4,096") {
  const P conv = Conv{.image = {5'000, 5'000}, .channels = 1, .out_channels = 1}.program();
  Dice dice{3};
  const P max = random_pool(dice, Opcode::MaxPool2d);
  for (const P& p : {conv, max}) {
    for (size_t i = 0; i < 8; ++i) {
      for (const float wrong : {0.5f, -1.0f, -0.0f, 4'097.0f, 1e30f, INFINITY, std::nanf("")}) {
        CHECK(with_immediate(p, i, wrong) == "E_PROG_NUMERIC");
      }
    }
  }
  for (const size_t i : {0u, 1u, 6u, 7u}) CHECK(with_immediate(conv, i, 0) == "E_PROG_NUMERIC");
  for (const size_t i : {0u, 1u, 2u, 3u}) CHECK(with_immediate(max, i, 0) == "E_PROG_NUMERIC");
}

TEST_CASE("the output of a conv2d follows from its window") {
  const P p = Conv{.image = {7, 6}, .stride = {2, 2}, .before = {1, 1}, .after = {1, 0}}.program();
  CHECK(code_of(p) == "OK");
  for (size_t i = 0; i < 3; ++i) {
    for (const int by : {-1, 1}) {
      P changed = p;
      changed.tensors[p.instructions[0].out].dims[i] += static_cast<uint32_t>(by);
      CHECK(code_of(changed) == "E_PROG_SHAPE");
    }
  }
  CHECK(with_immediate(p, 0, 1) == "E_PROG_SHAPE");
  CHECK(with_immediate(p, 1, 3) == "E_PROG_SHAPE");
  CHECK(with_immediate(p, 2, 3) == "E_PROG_SHAPE");
  CHECK(with_immediate(p, 4, 2) == "OK");  // half a stride more
  CHECK(with_immediate(p, 6, 2) == "E_PROG_SHAPE");
}

TEST_CASE("a kernel is not larger than its padded image") {
  CHECK(code_of(Conv{.image = {3, 2}}.program()) == "OK");
  P taller = Conv{.image = {3, 2}}.program();
  taller.tensors[0].dims[0] = 2;
  CHECK(code_of(taller) == "E_PROG_SHAPE");
  CHECK(with_immediate(Conv{.image = {3, 2}}.program(), 6, 2) == "E_PROG_SHAPE");
  CHECK(with_immediate(Conv{.image = {3, 2}}.program(), 7, 4'096) == "E_PROG_SHAPE");
}

TEST_CASE("kernels are constant i8 of rank 4, and groups divide both sides") {
  const P p = Conv{.channels = 6, .out_channels = 4, .groups = 2}.program();
  CHECK(code_of(p) == "OK");
  const auto with_dims = [&](const std::vector<uint32_t>& dims) {
    P changed = p;
    TensorSpec& w = changed.tensors[changed.instructions[0].in[1]];
    w.dims = dims;
    w.values.resize(w.bytes());
    changed.tensors[w.scale].dims = {dims[0]};
    changed.tensors[w.scale].values = words(Floats(dims[0], 1));
    return code_of(changed);
  };
  CHECK(with_dims({4, 3, 2, 3}) == "OK");
  CHECK(with_dims({4, 3, 2, 6}) == "OK");
  CHECK(with_dims({4, 3, 2, 2}) == "E_PROG_SHAPE");  // 3 groups of 4 rows
  CHECK(with_dims({4, 3, 2, 4}) == "E_PROG_SHAPE");
  CHECK(with_dims({4, 3, 2, 12}) == "E_PROG_SHAPE");
  CHECK(with_dims({5, 3, 2, 6}) == "E_PROG_SHAPE");
  CHECK(with_dims({4, 3, 6}) == "E_PROG_SHAPE");
  CHECK(after(p, [](P& q) {
          TensorSpec& w = q.tensors[q.instructions[0].in[1]];
          w.dtype = DType::F32, w.scale = kUnused, w.values.resize(w.bytes());
        }) == "E_PROG_SHAPE");
  CHECK(after(p, [](P& q) { q.instructions[0].in[1] = 0; }) == "E_PROG_SHAPE");
}

TEST_CASE("kernels of three dimensions are refused, though they could be read as four") {
  Conv conv{.channels = 2, .out_channels = 2, .groups = 2};
  P p = conv.program();
  CHECK(code_of(p) == "OK");
  p.tensors[p.instructions[0].in[1]].dims.resize(3);
  CHECK(code_of(p) == "E_PROG_SHAPE");
}

TEST_CASE("a conv2d sums at most 66,572 products") {
  const auto verdict = [](uint32_t height, uint32_t channels) {
    Conv conv{.image = {height, 1}, .kernel = {height, 1}, .channels = channels, .out_channels = 1};
    return code_of(conv.program());
  };
  CHECK(verdict(11, 6'052) == "OK");                  // 66,572
  CHECK(verdict(3, 22'191) == "E_PROG_ACCUMULATOR");  // 66,573
}

TEST_CASE("a padded image has at most 2^28 elements") {
  Conv conv{.image = {1, 1}, .kernel = {1, 1}, .before = {4'095, 4'095}, .after = {4'096, 4'096}};
  conv.stride = {4'096, 4'096};
  conv.channels = 4;
  CHECK(code_of(conv.program()) == "OK");
  conv.channels = 5;
  CHECK(code_of(conv.program()) == "E_PROG_DIMS");
}

TEST_CASE("a pool lies on its image everywhere") {
  for (const Opcode opcode : {Opcode::MaxPool2d, Opcode::AvgPool2d}) {
    const auto verdict = [&](const Floats& numbers, uint32_t height, uint32_t width) {
      return code_of(pool(opcode, {4, 4, 3}, numbers, {height, width, 3}));
    };
    CHECK(verdict({2, 2, 1, 1, 0, 0, 0, 0}, 3, 3) == "OK");
    CHECK(verdict({4, 4, 1, 1, 0, 0, 0, 0}, 1, 1) == "OK");
    CHECK(verdict({5, 4, 1, 1, 0, 0, 0, 0}, 1, 1) == "E_PROG_SHAPE");
    CHECK(verdict({2, 2, 1, 1, 1, 1, 1, 1}, 5, 5) == "OK");
    CHECK(verdict({2, 2, 1, 1, 2, 0, 0, 0}, 5, 3) == "E_PROG_SHAPE");
    CHECK(verdict({2, 2, 1, 1, 0, 2, 0, 0}, 3, 5) == "E_PROG_SHAPE");
    CHECK(verdict({2, 2, 1, 1, 0, 0, 2, 0}, 5, 3) == "E_PROG_SHAPE");
    CHECK(verdict({2, 2, 1, 1, 0, 0, 0, 2}, 3, 5) == "E_PROG_SHAPE");
    P other = pool(opcode, {4, 4, 3}, {2, 2, 1, 1, 0, 0, 0, 0}, {3, 3, 4});
    CHECK(code_of(other) == "E_PROG_SHAPE");
  }
}

TEST_CASE("a max_pool2d notes an element that is not finite, even where it is not the largest") {
  const P p = pool(Opcode::MaxPool2d, {2, 2, 1}, {2, 2, 1, 1, 0, 0, 0, 0}, {1, 1, 1});
  for_each_table([&](const kernels::KernelTable& table) {
    Rig rig(p, table);
    CHECK(floats_of(rig.tick({1, 3, -4, 2})) == Floats{3});
    CHECK(!rig.fault);
  });
}

TEST_CASE("the certificate of a conv2d, by hand") {
  Conv conv{.image = {7, 5}, .before = {1, 1}, .after = {1, 0}, .channels = 6, .out_channels = 34};
  conv.groups = 2;
  const P p = conv.program();
  const Sections sections = p.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  const vm::Certificate& c = program.certificate;
  // out 7 x 5; x 840 -> 896; y 4,760 -> 4,800 twice; the image 9 x 6 x 6, 64 more.
  CHECK(c.arena_bytes == 896 + 2 * 4'800 + 448);
  CHECK(c.macs == 35 * 34 * 18);
  CHECK(c.cost_units == 500 + 13 * 210 + (324 + 64) + 35 * (2 * 32) * (3 * 2 * 4) + 8 * 35 * 34);
}

TEST_CASE("the certificate of a pool, by hand") {
  const P p = pool(Opcode::AvgPool2d, {4, 4, 3}, {2, 2, 2, 2, 0, 0, 0, 0}, {2, 2, 3});
  const Sections sections = p.sections();
  vm::Program program;
  REQUIRE(!vm::validate(image_of(sections), program));
  CHECK(program.certificate.macs == 0);
  CHECK(program.certificate.cost_units == 500 + 6 * (4 * 12 + 48));
}

TEST_CASE("element-wise instructions take tensors of any shape, all of one") {
  const auto verdict = [](Opcode opcode, const std::vector<uint32_t>& b,
                          const std::vector<uint32_t>& y) {
    P p;
    const uint16_t x = p.image("x", Storage::Input, {2, 3, 4});
    std::vector<uint16_t> in = {x};
    if (opcode == Opcode::Add) in.push_back(p.image("b", Storage::Input, b));
    if (opcode == Opcode::Normalize) {
      for (int i = 0; i < 2; ++i) {
        in.push_back(p.constant(Floats(24, 1)));
        p.tensors[in.back()].dims = b;
      }
    }
    p.op(opcode, p.image("y", Storage::Output, y), in);
    return code_of(p);
  };
  for (const Opcode opcode : {Opcode::Add, Opcode::Normalize, Opcode::Tanh, Opcode::Copy}) {
    CHECK(verdict(opcode, {2, 3, 4}, {2, 3, 4}) == "OK");
    CHECK(verdict(opcode, {2, 3, 4}, {24}) == "E_PROG_SHAPE");
    CHECK(verdict(opcode, {2, 3, 4}, {3, 2, 4}) == "E_PROG_SHAPE");
    if (opcode != Opcode::Add && opcode != Opcode::Normalize) continue;
    CHECK(verdict(opcode, {24}, {2, 3, 4}) == "E_PROG_SHAPE");
    CHECK(verdict(opcode, {3, 2, 4}, {2, 3, 4}) == "E_PROG_SHAPE");
  }
}

}  // namespace plasma::test
