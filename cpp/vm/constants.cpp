// SPDX-License-Identifier: Apache-2.0
// constants.cpp -- rules 6 and 11: constants are all used,
// in order of first use, without hiding places, and sane.
#include <cmath>

#include "vm/half.hpp"
#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

constexpr float kLeastScale = 0x1p-40f;
constexpr float kGreatestScale = 0x1p40f;
constexpr float kLeastEps = 1e-12f;
constexpr uint64_t kHoleBytes = 64;

// Where the next constant of one section must begin.
class Packing {
 public:
  Packing(DType dtype, Bytes section) noexcept : dtype_(dtype), section_(section) {}

  Error place(const Tensor& tensor, int32_t index) noexcept {
    if (tensor.offset < end_)
      return fail_at_least(Status::ProgConstOrder, "offset of tensor", tensor.offset, end_, index);
    if (Error error = check_hole(tensor.offset, index)) return error;
    end_ = tensor.offset + tensor.bytes();
    return {};
  }

  Error finish() const noexcept {
    if (end_ == section_.size()) return {};
    return fail_equal(Status::ProgConstOrder, "bytes after the last constant of dtype",
                      section_.size() - end_, 0, static_cast<int32_t>(dtype_));
  }

 private:
  Error check_hole(uint64_t begin, int32_t index) const noexcept {
    if (begin - end_ >= kHoleBytes) {
      return fail_at_most(Status::Hole, "gap before tensor", begin - end_, kHoleBytes - 1, index);
    }
    for (uint64_t at = end_; at < begin; ++at) {
      if (section_[at] != 0) return fail(Status::Hole, "gap before tensor", index);
    }
    return {};
  }

  DType dtype_;
  Bytes section_;
  uint64_t end_ = 0;
};

class Layout {
 public:
  explicit Layout(const Program& program) noexcept
      : program_(program),
        packing_{{DType::I8, program.image.const_i8},
                 {DType::F16, program.image.const_f16},
                 {DType::F32, program.image.const_f32},
                 {DType::I32, program.image.const_i32}},
        seen_(program.tensors.size(), false) {}

  Error first_use(uint16_t index) noexcept {
    const Tensor& tensor = program_.tensors[index];
    if (tensor.storage != Storage::Const || seen_[index]) return {};
    seen_[index] = true;
    if (Error error = packing_[static_cast<size_t>(tensor.dtype) - 1].place(tensor, index))
      return error;
    return tensor.scale == kNone ? Error{} : first_use(tensor.scale);
  }

  Error finish() const noexcept {
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (program_.tensors[i].storage == Storage::Const && !seen_[i]) {
        return fail(Status::ProgConstOrder, "unused: tensor", static_cast<int32_t>(i));
      }
    }
    for (const Packing& packing : packing_) {
      if (Error error = packing.finish()) return error;
    }
    return {};
  }

 private:
  const Program& program_;
  Packing packing_[4];
  std::vector<bool> seen_;
};

Error check_halves(Bytes halves, int32_t index) noexcept {
  ByteReader reader(halves);
  while (reader.left() > 0) {
    if (!is_finite_half(reader.u16())) return fail(Status::ProgNumeric, "tensor", index);
  }
  return {};
}

Error check_values(const Program& program, size_t index) noexcept {
  const Tensor& tensor = program.tensors[index];
  if (tensor.storage != Storage::Const) return {};
  const auto where = static_cast<int32_t>(index);
  const Bytes bytes = program.image.constant(tensor);
  if (tensor.dtype == DType::F32) return check_finite(bytes, "tensor", where);
  if (tensor.dtype == DType::F16) return check_halves(bytes, where);
  if (tensor.dtype == DType::I32) return {};  // an index, which gather judges
  if (Error error = check_weights(bytes, "tensor", where)) return error;
  return check_scales(program.image.constant(program.tensors[tensor.scale]), "tensor",
                      tensor.scale);
}

Error check_immediates(const Program& program, size_t index) noexcept {
  const Instruction& instruction = program.instructions[index];
  const auto where = static_cast<int32_t>(index);
  const bool has_eps =
      instruction.opcode == Opcode::LayerNorm || instruction.opcode == Opcode::RmsNorm;
  if (has_eps && !(instruction.imm[0] >= kLeastEps)) {
    return fail(Status::ProgNumeric, "eps of instruction", where);
  }
  if (instruction.opcode != Opcode::Clamp) return {};
  ByteReader low(program.image.constant(program.tensors[instruction.in[1]]));
  ByteReader high(program.image.constant(program.tensors[instruction.in[2]]));
  while (low.left() > 0) {
    if (!(low.f32() <= high.f32()))
      return fail(Status::ProgNumeric, "limits of instruction", where);
  }
  return {};
}

}  // namespace

Error check_weights(Bytes weights, const char* what, int32_t index) noexcept {
  for (uint8_t weight : weights) {
    if (weight == 0x80) return fail(Status::ProgNumeric, what, index);  // -128
  }
  return {};
}

Error check_scales(Bytes scales, const char* what, int32_t index) noexcept {
  ByteReader reader(scales);
  while (reader.left() > 0) {
    const float scale = reader.f32();
    if (!(scale >= kLeastScale && scale <= kGreatestScale))
      return fail(Status::ProgNumeric, what, index);
  }
  return {};
}

Error check_finite(Bytes floats, const char* what, int32_t index) noexcept {
  ByteReader reader(floats);
  while (reader.left() > 0) {
    if (!std::isfinite(reader.f32())) return fail(Status::ProgNumeric, what, index);
  }
  return {};
}

Error check_constants(const Program& program) noexcept {
  Layout layout(program);
  for (const Instruction& instruction : program.instructions) {
    for (size_t k = 0; k < instruction.n_in; ++k) {
      if (Error error = layout.first_use(instruction.in[k])) return error;
    }
  }
  if (Error error = layout.finish()) return error;
  for (size_t i = 0; i < program.tensors.size(); ++i) {
    if (Error error = check_values(program, i)) return error;
  }
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    if (Error error = check_immediates(program, i)) return error;
  }
  return {};
}

}  // namespace plasma::vm
