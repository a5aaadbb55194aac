// SPDX-License-Identifier: Apache-2.0
// random_tensors.hpp -- the tensors of a random program: shapes, constants in bounds, and for every
// operand one of the shape it must have, found or made.
#pragma once

#include <algorithm>

#include "choices.hpp"
#include "program_builder.hpp"

namespace plasma::test {

using Dims = std::vector<uint32_t>;

inline constexpr uint32_t kMostElements = 512;
inline constexpr size_t kMostInputs = 20;

inline uint32_t elements_of(const Dims& dims) {
  uint32_t product = 1;
  for (const uint32_t dim : dims) product *= dim;
  return product;
}

class RandomTensors {
 protected:
  explicit RandomTensors(Choices& choices) : choices_(choices) {}

  // ---- numbers and shapes

  uint32_t number(int least, int most) {
    return static_cast<uint32_t>(choices_.within(least, most));
  }
  // Small, or around the widths of vectors and panels.
  uint32_t size() {
    static constexpr uint32_t kWide[] = {15, 16, 17, 31, 32, 33, 63, 64, 65};
    return choices_.one_in(5) ? choices_.one_of(kWide) : number(1, 6);
  }
  Dims shape() {
    Dims dims;
    for (int rank = choices_.one_in(16) ? 4 : choices_.within(1, 3); rank > 0; --rank) {
      dims.push_back(elements_of(dims) > 16 ? number(1, 3) : size());
    }
    return dims;
  }
  Dims image() { return {number(1, 6), number(1, 6), choices_.one_in(6) ? size() : number(1, 4)}; }
  const Dims& dims(uint16_t tensor) const { return p_.tensors[tensor].dims; }
  uint32_t elements(uint16_t tensor) const { return elements_of(dims(tensor)); }

  // ---- tensors

  uint16_t input(const Dims& dims) {
    ++inputs_;
    return readable({.storage = Storage::Input, .dims = dims});
  }
  uint16_t state(const Dims& dims) {
    states_.push_back(readable({.storage = Storage::State, .dims = dims}));
    return states_.back();
  }
  uint16_t readable(const TensorSpec& spec) {
    values_.push_back(add_tensor(spec));
    return values_.back();
  }
  uint16_t add_tensor(const TensorSpec& spec) {
    is_read_.push_back(spec.storage == Storage::Const || spec.storage == Storage::Output);
    return p_.add(spec);
  }
  uint16_t constant(const Dims& dims, float low = -4, float high = 4) {
    Floats numbers(elements_of(dims));
    for (float& value : numbers) value = low + (choices_.ordinary() + 8) / 16 * (high - low);
    return add_tensor({.storage = Storage::Const, .dims = dims, .values = words(numbers)});
  }
  uint16_t halves(const Dims& dims) {
    Blob values;
    for (uint32_t i = 0; i < elements_of(dims); ++i) append(values, choices_.word() & 0xBBFF, 2);
    return add_tensor(
        {.dtype = DType::F16, .storage = Storage::Const, .dims = dims, .values = values});
  }
  // With its row scales behind it.
  uint16_t weights(const Dims& dims) {
    const uint16_t w =
        add_tensor({.dtype = DType::I8,
                    .storage = Storage::Const,
                    .dims = dims,
                    .values = bytes_of(choices_.weights(static_cast<int>(elements_of(dims))))});
    const uint16_t scale = constant({dims[0]}, 0x1p-9f, 0x1p-6f);
    p_.tensors[w].scale = scale;
    return w;
  }
  uint16_t matrix(uint32_t rows, uint32_t cols) {
    switch (choices_.within(0, 3)) {
      case 0: return constant({rows, cols});
      case 1: return halves({rows, cols});
      default: return weights({rows, cols});
    }
  }

  uint16_t any() { return choices_.one_of(values_); }

  // A tensor of this shape: one that exists, or a new one, drawn from what exists. By value: the
  // shape may lie in a tensor, and tensors move when one is added.
  uint16_t like(Dims wanted) {
    std::vector<uint16_t> fitting;
    for (const uint16_t value : values_) {
      if (dims(value) == wanted) fitting.push_back(value);
    }
    if (!fitting.empty() && !choices_.one_in(4)) return choices_.one_of(fitting);
    if (choices_.one_in(4)) return constant(wanted);
    if (inputs_ < kMostInputs && choices_.coin()) return input(wanted);
    return strided(any(), wanted);
  }
  uint16_t vector() {
    std::vector<uint16_t> fitting;
    for (const uint16_t value : values_) {
      if (dims(value).size() == 1) fitting.push_back(value);
    }
    return fitting.empty() ? like({size()}) : choices_.one_of(fitting);
  }

  // ---- instructions

  // An instruction with a new tensor for its result.
  uint16_t emit(Opcode opcode, const Dims& dims, const std::vector<uint16_t>& in,
                const Floats& imm = {}, DType dtype = DType::F32) {
    const bool leaves = outputs_ < 8 && choices_.one_in(8);
    outputs_ += leaves;
    const Storage storage = leaves ? Storage::Output : Storage::Arena;
    const uint16_t y = add_tensor({.dtype = dtype, .storage = storage, .dims = dims});
    write(opcode, y, in, imm);
    if (!leaves) (dtype == DType::F32 ? values_ : indices_).push_back(y);
    return y;
  }
  void write(Opcode opcode, uint16_t y, const std::vector<uint16_t>& in, Floats imm = {}) {
    for (const uint16_t operand : in) is_read_[operand] = true;
    imm.resize(std::max<size_t>(imm.size(), 1));
    p_.instructions.push_back({opcode, y, in, imm[0], Floats(imm.begin() + 1, imm.end())});
  }
  // For those who read it at once, so it stays inside.
  uint16_t strided(uint16_t x, const Dims& dims) {
    const uint16_t y = add_tensor({.storage = Storage::Arena, .dims = dims});
    write(Opcode::Strided, y, {x}, walk(elements(x), dims));
    values_.push_back(y);
    return y;
  }

  // Some walk of `y` through so many elements: axis by axis, as far as there is room.
  Floats walk(uint32_t elements, const Dims& y) {
    int64_t least = 0, most = 0;
    Floats strides(4);
    for (size_t i = 0; i < y.size(); ++i) {
      const int64_t steps = y[i] - 1, room = elements - 1 - (most - least);
      const auto furthest = static_cast<int>(steps == 0 ? 3 : room / steps);
      const int stride = choices_.within(-furthest, furthest);
      strides[4 - y.size() + i] = static_cast<float>(stride);
      (stride < 0 ? least : most) += stride * steps;
    }
    const auto slack = static_cast<int>(elements - 1 - (most - least));
    strides.insert(strides.begin(), static_cast<float>(choices_.within(0, slack) - least));
    return strides;
  }

  Choices& choices_;
  ProgramBuilder p_;
  std::vector<uint16_t> values_;   // f32 that may be read now
  std::vector<uint16_t> indices_;  // i32, likewise
  std::vector<uint16_t> states_;
  std::vector<bool> is_read_;  // of each tensor
  size_t inputs_ = 0, outputs_ = 0;
};

}  // namespace plasma::test
