// SPDX-License-Identifier: Apache-2.0
// window.cpp -- reads the window of an instruction and proves that it fits its image.
//
// Every number is first shown to be small, so that no product or sum here can overflow.
#include "vm/window.hpp"

#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

constexpr float kMaxImmediate = 4'096;

bool is_image(const Tensor& tensor) noexcept {
  return tensor.dtype == DType::F32 && tensor.rank == 3;
}

int32_t whole(float value) noexcept { return static_cast<int32_t>(value); }

// Sizes and strides, or strides and dilations, are at least 1; pads, between them, at least 0.
Error check_immediates(const Instruction& instruction, int32_t index) noexcept {
  const bool is_conv = instruction.opcode == Opcode::Conv2d;
  for (size_t i = 0; i < kImmediates; ++i) {
    const bool is_pad = is_conv ? i >= 2 && i < 6 : i >= 4;
    if (!is_whole(instruction.imm[i], is_pad ? 0 : 1, kMaxImmediate))
      return fail(Status::ProgNumeric, "window of instruction", index);
  }
  return {};
}

Error check_weights(const Program& program, const Instruction& instruction,
                    int32_t index) noexcept {
  const Tensor& x = program.tensors[instruction.in[0]];
  const Tensor& w = program.tensors[instruction.in[1]];
  if (w.dtype != DType::I8 || w.rank != 4)  // i8 is constant: check_scale_tensor
    return fail(Status::ProgShape, "weights are not constant i8 kernels: instruction", index);
  const uint32_t depth = w.dims[3];
  if (x.dims[2] % depth != 0 || w.dims[0] % (x.dims[2] / depth) != 0)
    return fail(Status::ProgShape, "groups of instruction", index);
  const uint64_t terms = uint64_t{w.dims[1]} * w.dims[2] * depth;
  if (terms > kMaxDotTerms)
    return fail_at_most(Status::ProgAccumulator, "kernel of instruction", terms, kMaxDotTerms,
                        index);
  if (instruction.n_in < 3) return {};
  const Tensor& bias = program.tensors[instruction.in[2]];
  if (bias.storage != Storage::Const || bias.dtype != DType::F32 || bias.rank != 1 ||
      bias.dims[0] != w.dims[0])
    return fail(Status::ProgShape, "bias of instruction", index);
  return {};
}

// One axis: what slides over what, and how.
struct Axis {
  uint64_t size, kernel, stride, before, after, dilation, out;
};

Error check_axis(const Axis& axis, bool is_pool, int32_t index) noexcept {
  const uint64_t extent = (axis.kernel - 1) * axis.dilation + 1;
  const uint64_t padded = axis.before + axis.size + axis.after;
  if (extent > padded)
    return fail_at_most(Status::ProgShape, "kernel of instruction", extent, padded, index);
  // Else a window could lie on padding alone, and a pool has nothing to say there.
  if (is_pool && (axis.before >= axis.kernel || axis.after >= axis.kernel))
    return fail(Status::ProgShape, "padding of instruction", index);
  const uint64_t out = (padded - extent) / axis.stride + 1;
  if (axis.out != out)
    return fail_equal(Status::ProgShape, "output of instruction", axis.out, out, index);
  return {};
}

uint64_t u64(int value) noexcept { return static_cast<uint64_t>(value); }

}  // namespace

bool has_window(Opcode opcode) noexcept {
  return opcode == Opcode::Conv2d || opcode == Opcode::MaxPool2d || opcode == Opcode::AvgPool2d;
}

kernels::Window window_of(const Program& program, const Instruction& instruction) noexcept {
  const bool is_conv = instruction.opcode == Opcode::Conv2d;
  const auto& x = program.tensors[instruction.in[0]].dims;
  const auto& y = program.tensors[instruction.out].dims;
  const auto& w = program.tensors[instruction.in[is_conv ? 1 : 0]].dims;
  const auto number = [&](size_t i) { return whole(instruction.imm[i]); };
  const size_t stride = is_conv ? 0 : 2;
  return {.height = static_cast<int>(x[0]),
          .width = static_cast<int>(x[1]),
          .channels = static_cast<int>(x[2]),
          .out_height = static_cast<int>(y[0]),
          .out_width = static_cast<int>(y[1]),
          .out_channels = static_cast<int>(y[2]),
          .kernel_height = is_conv ? static_cast<int>(w[1]) : number(0),
          .kernel_width = is_conv ? static_cast<int>(w[2]) : number(1),
          .stride_y = number(stride),
          .stride_x = number(stride + 1),
          .pad_top = number(stride + 2),
          .pad_left = number(stride + 3),
          .pad_bottom = number(stride + 4),
          .pad_right = number(stride + 5),
          .dilation_y = is_conv ? number(6) : 1,
          .dilation_x = is_conv ? number(7) : 1,
          .groups = static_cast<int>(is_conv ? x[2] / w[3] : x[2])};
}

Error check_window(const Program& program, const Instruction& instruction, int32_t index) noexcept {
  const bool is_conv = instruction.opcode == Opcode::Conv2d;
  const Tensor& x = program.tensors[instruction.in[0]];
  const Tensor& y = program.tensors[instruction.out];
  if (!is_image(x) || !is_image(y))
    return fail(Status::ProgShape, "not an f32 image: instruction", index);
  if (Error error = check_immediates(instruction, index)) return error;
  if (is_conv) {
    if (Error error = check_weights(program, instruction, index)) return error;
  }
  const uint32_t channels = is_conv ? program.tensors[instruction.in[1]].dims[0] : x.dims[2];
  if (y.dims[2] != channels)
    return fail_equal(Status::ProgShape, "channels of instruction", y.dims[2], channels, index);
  const kernels::Window v = window_of(program, instruction);
  const Axis rows{u64(v.height),     u64(v.kernel_height), u64(v.stride_y),  u64(v.pad_top),
                  u64(v.pad_bottom), u64(v.dilation_y),    u64(v.out_height)};
  const Axis cols{u64(v.width),     u64(v.kernel_width), u64(v.stride_x), u64(v.pad_left),
                  u64(v.pad_right), u64(v.dilation_x),   u64(v.out_width)};
  if (Error error = check_axis(rows, !is_conv, index)) return error;
  if (Error error = check_axis(cols, !is_conv, index)) return error;
  const uint64_t pixels =
      (rows.before + rows.size + rows.after) * (cols.before + cols.size + cols.after);
  if (pixels * x.dims[2] > kMaxElements)
    return fail_at_most(Status::ProgDims, "padded image of instruction", pixels * x.dims[2],
                        kMaxElements, index);
  return {};
}

}  // namespace plasma::vm
