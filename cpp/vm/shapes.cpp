// SPDX-License-Identifier: Apache-2.0
// shapes.cpp -- rules 9 and 12: the types, shapes
// and storage each opcode takes (ISA.md, section 2).
//
// Add an opcode here before the interpreter knows it:
// kernels run without checks on what this file proved.
#include <cmath>

#include "vm/attention.hpp"
#include "vm/rules.hpp"
#include "vm/walk.hpp"
#include "vm/window.hpp"

namespace plasma::vm {
namespace {

// One instruction with its operands looked up, and the first mismatch found.
class Shapes {
 public:
  Shapes(const Program& program, size_t index) noexcept
      : program_(program),
        instruction_(program.instructions[index]),
        index_(static_cast<int32_t>(index)) {}

  Error check() noexcept {
    switch (instruction_.opcode) {
      case Opcode::Linear: linear(); break;
      case Opcode::Add:
      case Opcode::Sub:
      case Opcode::Mul:
      case Opcode::Min:
      case Opcode::Max:
      case Opcode::Div:
        like_x(1);
        out_like_x();
        break;
      case Opcode::Select:
        like_x(1);
        like_x(2);
        out_like_x();
        break;
      case Opcode::Normalize:
      case Opcode::Clamp:
      case Opcode::Squash:
        constant_like_x(1);
        constant_like_x(2);
        out_like_x();
        break;
      case Opcode::LayerNorm:
        constant(1, in(0).row());
        constant(2, in(0).row());
        out_like_x();
        break;
      case Opcode::Relu:
      case Opcode::LeakyRelu:
      case Opcode::Elu:
      case Opcode::Silu:
      case Opcode::Sigmoid:
      case Opcode::Tanh:
      case Opcode::Abs:
      case Opcode::Sqrt:
      case Opcode::Exp:
      case Opcode::Softplus:
      case Opcode::Erf:
      case Opcode::Round:
      case Opcode::Log:
      case Opcode::Sin:
      case Opcode::Cos:
      case Opcode::Softmax:
      case Opcode::Copy: out_like_x(); break;
      case Opcode::RmsNorm:
        constant(1, in(0).row());
        out_like_x();
        break;
      case Opcode::Gru: gated(3); break;
      case Opcode::LstmCell:
      case Opcode::LstmHidden: gated(4); break;
      case Opcode::Concat: concat(); break;
      case Opcode::Strided: error_ = check_walk(program_, instruction_, index_); break;
      case Opcode::Gather: gather(); break;
      case Opcode::ReduceSum:
      case Opcode::ReduceMean:
      case Opcode::ReduceMax: reduce(); break;
      case Opcode::TopK: top_k(); break;
      case Opcode::Uniform:
      case Opcode::Normal:
        require(out().dtype == DType::F32, "output is not f32: instruction");
        break;
      case Opcode::Argmax:
        n(0);
        require(out().dtype == DType::I32 && out().rank == 1 && out().dims[0] == 1,
                "output of argmax");
        break;
      case Opcode::Conv2d:
      case Opcode::MaxPool2d:
      case Opcode::AvgPool2d: error_ = check_window(program_, instruction_, index_); break;
      case Opcode::Attention: error_ = check_attention(program_, instruction_, index_); break;
    }
    return error_;
  }

 private:
  const Tensor& in(size_t k) const noexcept { return program_.tensors[instruction_.in[k]]; }
  const Tensor& out() const noexcept { return program_.tensors[instruction_.out]; }

  void require(bool holds, const char* what) noexcept {
    if (!holds && !error_) error_ = fail(Status::ProgShape, what, index_);
  }
  void require_equal(uint64_t found, uint64_t expected, const char* what) noexcept {
    if (found != expected && !error_)
      error_ = fail_equal(Status::ProgShape, what, found, expected, index_);
  }

  // Operand k is an f32 vector; gives its length.
  uint32_t n(size_t k) noexcept {
    require(in(k).dtype == DType::F32 && in(k).rank == 1,
            "operand is not an f32 vector: instruction");
    return in(k).dims[0];
  }
  void vector(size_t k, uint64_t length) noexcept {
    require_equal(n(k), length, "operand of instruction");
  }
  void constant(size_t k, uint64_t length) noexcept {
    vector(k, length);
    require(in(k).storage == Storage::Const, "operand is not a constant: instruction");
  }
  // Operand k, of any shape, is read as the vector of its elements; gives its length.
  uint64_t elements(size_t k) noexcept {
    require(in(k).dtype == DType::F32, "operand is not f32: instruction");
    return in(k).elements();
  }
  bool has_shape_of_x(const Tensor& tensor) const noexcept {
    return tensor.dtype == DType::F32 && in(0).dtype == DType::F32 && tensor.rank == in(0).rank &&
           tensor.dims == in(0).dims;
  }
  void like_x(size_t k) noexcept {
    require(has_shape_of_x(in(k)), "operands differ in shape: instruction");
  }
  void constant_like_x(size_t k) noexcept {
    like_x(k);
    require(in(k).storage == Storage::Const, "operand is not a constant: instruction");
  }
  void out_like_x() noexcept {
    require(has_shape_of_x(out()), "output has not the shape of its operand: instruction");
  }
  void vector_out(uint64_t length) noexcept {
    require(out().dtype == DType::F32 && out().rank == 1,
            "output is not an f32 vector: instruction");
    require_equal(out().dims[0], length, "output of instruction");
  }

  // The output, of any shape, has so many elements.
  void elements_out(uint64_t length) noexcept {
    require(out().dtype == DType::F32, "output is not f32: instruction");
    require_equal(out().elements(), length, "output of instruction");
  }

  void linear() noexcept {
    const Tensor& w = in(1);
    require(w.storage == Storage::Const && w.rank == 2,
            "weights are not a constant matrix: instruction");
    require(w.dtype != DType::I32, "weights are not i8, f16 or f32: instruction");
    if (instruction_.n_in == 3) constant(2, w.dims[0]);
    if (out().rank == 1) {
      require_equal(elements(0), w.dims[1], "operand of instruction");
      vector_out(w.dims[0]);
    } else {
      rows_out(w.dims[1], w.dims[0]);
    }
    if (w.dtype == DType::I8 && w.dims[1] > kMaxDotTerms && !error_) {
      error_ = fail_at_most(Status::ProgAccumulator, "columns of instruction", w.dims[1],
                            kMaxDotTerms, index_);
    }
  }

  // x is [.., cols] and y [.., rows], alike before that.
  void rows_out(uint32_t cols, uint32_t rows) noexcept {
    require_equal(in(0).row(), cols, "operand of instruction");
    require_equal(out().row(), rows, "output of instruction");
    require(in(0).dtype == DType::F32 && out().dtype == DType::F32 && out().has_rows_of(in(0)),
            "output has not the rows of its operand: instruction");
  }

  // Operands 0 and 1 are so many gates for each element of operand 2.
  void gated(uint64_t gates) noexcept {
    const uint32_t length = n(2);
    vector(0, gates * length);
    vector(1, gates * length);
    vector_out(length);
  }

  void concat() noexcept {
    uint64_t length = 0;
    for (size_t k = 0; k < instruction_.n_in; ++k) length += elements(k);
    elements_out(length);
  }

  // Any table but one of packed weights: rows of i8 with their scales, of f16, or of f32.
  void gather() noexcept {
    const Tensor& table = in(0);
    const Tensor& index = in(1);
    require(table.dtype != DType::I32 && table.rank <= 2, "not a table: instruction");
    require((index.dtype == DType::F32 || index.dtype == DType::I32) && index.rank == 1,
            "index is not a vector: instruction");
    require(out().dtype == DType::F32 && out().rank == table.rank, "output of instruction");
    require_equal(out().dims[0], index.dims[0], "rows of instruction");
    require_equal(out().dims[1], table.dims[1], "columns of instruction");
  }

  // One element of y for each row of x, the last dimension being the columns.
  void reduce() noexcept {
    require(out().dtype == DType::F32, "output is not f32: instruction");
    require_equal(out().elements() * in(0).dims[in(0).rank - 1u], elements(0),
                  "output of instruction");
  }

  void top_k() noexcept {
    const uint32_t length = n(0);
    require(out().dtype == DType::I32 && out().rank == 1,
            "output is not an i32 vector: instruction");
    if (out().dims[0] > length && !error_)
      error_ =
          fail_at_most(Status::ProgShape, "output of instruction", out().dims[0], length, index_);
  }

  const Program& program_;
  const Instruction& instruction_;
  int32_t index_;
  Error error_;
};

// An i8 tensor has one f32 scale a row; nothing else has any.
Error check_scale_tensor(const Program& program, size_t index) noexcept {
  const Tensor& tensor = program.tensors[index];
  const auto where = static_cast<int32_t>(index);
  if (tensor.storage != Storage::Const &&
      (tensor.dtype == DType::I8 || tensor.dtype == DType::F16)) {
    return fail(Status::ProgShape, "only constants may be i8 or f16: tensor", where);
  }
  if (tensor.dtype != DType::I8) {
    if (tensor.scale != kNone)
      return fail(Status::ProgShape, "scales of a tensor that is not i8: tensor", where);
    return {};
  }
  if (tensor.scale >= program.tensors.size())
    return fail(Status::ProgShape, "no scales: tensor", where);
  const Tensor& scale = program.tensors[tensor.scale];
  if (scale.storage != Storage::Const || scale.dtype != DType::F32 || scale.rank != 1) {
    return fail(Status::ProgShape, "scales are not a constant f32 vector: tensor", where);
  }
  if (scale.dims[0] != tensor.dims[0]) {
    return fail_equal(Status::ProgShape, "scales of tensor", scale.dims[0], tensor.dims[0], where);
  }
  return {};
}

}  // namespace

bool is_whole(float value, float least, float most) noexcept {
  return value >= least && value <= most && !std::signbit(value) && value == std::floor(value);
}

Error check_shapes(const Program& program) noexcept {
  for (size_t i = 0; i < program.tensors.size(); ++i) {
    if (Error error = check_scale_tensor(program, i)) return error;
  }
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    if (Error error = Shapes(program, i).check()) return error;
  }
  return {};
}

}  // namespace plasma::vm
