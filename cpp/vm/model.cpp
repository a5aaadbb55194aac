// SPDX-License-Identifier: Apache-2.0
// model.cpp -- turns a validated Program into resolved instructions and one block of constants.
//
// Constants are copied in order of execution, weights repacked
// for the kernel table: a tick reads the block front to back.
#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/attention.hpp"
#include "vm/half.hpp"
#include "vm/machine.hpp"
#include "vm/rules.hpp"
#include "vm/walk.hpp"
#include "vm/window.hpp"

namespace plasma::vm {

static_assert(std::endian::native == std::endian::little,
              "packets are little-endian; so must the device be");

namespace {

constexpr uint64_t kMaxBlockBytes = 1ull << 31;

// int8 weights as the kernels take them. uint8_t and int8_t may alias the same bytes.
const int8_t* as_i8(const uint8_t* bytes) noexcept {
  return static_cast<const int8_t*>(static_cast<const void*>(bytes));
}
int8_t* as_i8(uint8_t* bytes) noexcept { return static_cast<int8_t*>(static_cast<void*>(bytes)); }

// Works on each row of x alone.
bool has_rows(Opcode opcode) noexcept {
  return opcode == Opcode::Linear || opcode == Opcode::LayerNorm || opcode == Opcode::RmsNorm ||
         opcode == Opcode::Softmax;
}

// A block that grows by 64-aligned parts: sizes are
// added up first, then everything is allocated once.
class BlockSizes {
 public:
  uint32_t add(uint64_t bytes) noexcept {
    const uint64_t begin = size_;
    size_ += align_up(bytes);
    return static_cast<uint32_t>(std::min(begin, kMaxBlockBytes));
  }
  // Until this passed, no offset above means anything.
  Error check(const char* what, uint64_t max_bytes) const noexcept {
    const uint64_t most = std::min(max_bytes, kMaxBlockBytes);
    return size_ <= most ? Error{} : fail_at_most(Status::MemoryCap, what, size_, most);
  }
  [[nodiscard]] uint64_t size() const noexcept { return size_; }

 private:
  uint64_t size_ = 0;
};

}  // namespace

class ModelBuilder {
 public:
  ModelBuilder(const Program& program, const kernels::KernelTable& table, Model& model) noexcept
      : program_(program),
        table_(table),
        model_(model),
        place_(program.tensors.size(), kUnplaced),
        place_of_rows_(program.tensors.size(), kUnplaced),
        readers_(program.tensors.size()) {}

  Error build(uint64_t max_bytes) noexcept {
    model_.table_ = &table_;
    lay_out_frame();
    count_readers();
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      add_op(program_.instructions[i]);
      const bool joins = i > 0 && completes(program_.instructions[i - 1], program_.instructions[i]);
      if (joins) join_last();
      if (joins || measures(program_.instructions[i])) measured_ = program_.instructions[i].out;
    }
    model_.slot_count_ = program_.slots.size();
    for (size_t i = 0; i < program_.slots.size(); ++i)
      model_.ops_[program_.slots[i].op_index].slot = static_cast<uint16_t>(i);
    for (const Io& io : program_.io) {
      if (io.is_output) add_output(io);
    }
    add_limits();
    if (Error error = sizes_.check("constants", max_bytes)) return error;
    if (Error error = frame_.check("frame", kMaxBlockBytes)) return error;
    if (!model_.constants_.allocate(sizes_.size())) return fail(Status::OutOfMemory, "constants");
    copy_constants();
    return {};
  }

 private:
  static constexpr uint32_t kUnplaced = UINT32_MAX;

  void lay_out_frame() noexcept {
    uint64_t bytes[5] = {};
    for (const Tensor& tensor : program_.tensors) {
      uint64_t& end = bytes[static_cast<size_t>(tensor.storage)];
      end = std::max(end, tensor.offset + tensor.bytes());
    }
    FrameLayout& layout = model_.layout_;
    const uint64_t inputs = bytes[static_cast<size_t>(Storage::Input)];
    const uint64_t outputs = bytes[static_cast<size_t>(Storage::Output)];
    const uint64_t state = bytes[static_cast<size_t>(Storage::State)];
    layout.input = frame_.add(inputs);
    layout.output = frame_.add(outputs);
    layout.arena = frame_.add(bytes[static_cast<size_t>(Storage::Arena)]);
    layout.state = frame_.add(state);
    layout.next_state = frame_.add(state);
    layout.previous = frame_.add(outputs);
    const Scratch scratch = scratch_of(program_);
    layout.quantized = frame_.add(scratch.quantized);
    layout.image = frame_.add(scratch.image);
    layout.lora_hidden = frame_.add(scratch.lora_hidden);
    layout.lora_quantized = frame_.add(scratch.lora_quantized);
    layout.scores = frame_.add(scratch.scores);
    layout.size = static_cast<uint32_t>(std::min(frame_.size(), kMaxBlockBytes));
    layout.input_bytes = static_cast<uint32_t>(inputs);
    layout.output_bytes = static_cast<uint32_t>(outputs);
    layout.state_bytes = static_cast<uint32_t>(state);
  }

  uint32_t region(Storage storage, bool is_write) const noexcept {
    const FrameLayout& layout = model_.layout_;
    switch (storage) {
      case Storage::Arena: return layout.arena;
      case Storage::State: return is_write ? layout.next_state : layout.state;
      case Storage::Input: return layout.input;
      case Storage::Output: return layout.output;
      case Storage::Const: break;
    }
    return 0;
  }

  uint32_t place_constant(uint16_t index) noexcept {
    if (place_[index] != kUnplaced) return place_[index];
    const Tensor& tensor = program_.tensors[index];
    place_[index] = sizes_.add(loaded_bytes(tensor));
    if (tensor.scale != kNone) place_constant(tensor.scale);
    return place_[index];
  }

  // int8 weights are repacked, f16 becomes f32, the rest stays as it is.
  uint64_t loaded_bytes(const Tensor& tensor) const noexcept {
    switch (tensor.dtype) {
      case DType::I8:
        return table_.packed_i8_bytes(static_cast<int>(tensor.dims[0]),
                                      static_cast<int>(tensor.dims[1]));
      case DType::F16: return tensor.elements() * sizeof(float);
      default: return tensor.bytes();
    }
  }

  // The table of a gather is read row by row: its int8 values are not repacked.
  Operand table_operand(uint16_t index) noexcept {
    const Tensor& tensor = program_.tensors[index];
    if (tensor.dtype != DType::I8) return operand(index, false);
    if (place_of_rows_[index] == kUnplaced) {
      place_of_rows_[index] = sizes_.add(tensor.bytes());
      place_constant(tensor.scale);
    }
    return {place_of_rows_[index], static_cast<int32_t>(tensor.elements()), true};
  }

  Operand operand(uint16_t index, bool is_write) noexcept {
    const Tensor& tensor = program_.tensors[index];
    const auto count = static_cast<int32_t>(tensor.elements());
    if (tensor.storage == Storage::Const) return {place_constant(index), count, true};
    return {region(tensor.storage, is_write) + tensor.offset, count, false};
  }

  // Kernels are packed for the window that slides them, so each conv2d has its own.
  Operand add_kernels(uint16_t index, const kernels::Window& window) noexcept {
    const Tensor& tensor = program_.tensors[index];
    const uint32_t offset = sizes_.add(table_.packed_conv2d_bytes(window));
    kernels_.push_back({index, window, offset});
    place_constant(tensor.scale);
    return {offset, static_cast<int32_t>(tensor.elements()), true};
  }

  void count_readers() noexcept {
    for (const Instruction& instruction : program_.instructions) {
      for (size_t k = 0; k < instruction.n_in; ++k) ++readers_[instruction.in[k]];
    }
  }

  // Is `next` the activation of what `instruction` writes, for nobody else to read? Then one kernel
  // does both. In place or outside the arena: elsewhere in it may lie what that kernel still reads.
  bool completes(const Instruction& instruction, const Instruction& next) const noexcept {
    if (!is_i8_layer(instruction) || next.opcode != Opcode::Relu) return false;
    const Tensor& x = program_.tensors[next.in[0]];
    const Tensor& y = program_.tensors[next.out];
    return instruction.out == next.in[0] && readers_[next.in[0]] == 1 &&
           (y.storage != Storage::Arena || y.offset == x.offset);
  }

  // The last instruction is then done by the one before.
  void join_last() noexcept {
    Op& last = model_.ops_.back();
    Op& before = model_.ops_[model_.ops_.size() - 2];
    before.then = last.opcode;
    before.y = last.y;
    last.opcode = Opcode{};
  }

  // A matrix of int8 weights and what its kernel does besides: see kernels.hpp.
  bool is_i8_layer(const Instruction& instruction) const noexcept {
    return instruction.opcode == Opcode::Conv2d ||
           (instruction.opcode == Opcode::Linear &&
            program_.tensors[instruction.in[1]].dtype == DType::I8);
  }

  // Does the machine know the range of what this instruction writes? It measures all inputs
  // together and what an int8 layer gives; a strided that only puts elements in another order
  // changes none.
  bool measures(const Instruction& instruction) const noexcept {
    return is_i8_layer(instruction) ||
           (instruction.opcode == Opcode::Strided && is_measured(instruction.in[0]) &&
            is_permutation(program_, instruction));
  }
  bool is_measured(uint16_t tensor) const noexcept {
    if (measured_ != kNone) return tensor == measured_;
    const Tensor& x = program_.tensors[tensor];
    return x.storage == Storage::Input && x.bytes() == model_.layout_.input_bytes;
  }

  void add_op(const Instruction& instruction) noexcept {
    Op op;
    op.opcode = instruction.opcode;
    op.knows_range = instruction.n_in > 0 && is_measured(instruction.in[0]);
    op.n_in = instruction.n_in;
    op.imm = instruction.imm[0];
    op.stream = static_cast<uint32_t>(model_.ops_.size());
    if (has_window(op.opcode)) {
      op.window = static_cast<uint32_t>(model_.windows_.size());
      model_.windows_.push_back(window_of(program_, instruction));
    }
    if (op.opcode == Opcode::Strided) {
      op.walk = static_cast<uint32_t>(model_.walks_.size());
      model_.walks_.push_back(walk_of(program_, instruction));
    }
    for (size_t k = 0; k < instruction.n_in; ++k) op.x[k] = operand_of(instruction, k);
    op.y = operand(instruction.out, true);
    if (op.opcode == Opcode::Linear || op.opcode == Opcode::Conv2d)
      add_scale(instruction.in[1], op);
    if (op.opcode == Opcode::Attention) add_attention(instruction, op);
    if (has_rows(op.opcode))
      op.rows = static_cast<int32_t>(program_.tensors[instruction.out].rows());
    if (op.opcode == Opcode::Gather) {
      op.rows = static_cast<int32_t>(program_.tensors[instruction.in[0]].dims[0]);
      op.is_i32 = program_.tensors[instruction.in[1]].dtype == DType::I32;
      add_scale(instruction.in[0], op);
    }
    model_.ops_.push_back(op);
  }

  Operand operand_of(const Instruction& instruction, size_t k) noexcept {
    if (instruction.opcode == Opcode::Conv2d && k == 1)
      return add_kernels(instruction.in[k], model_.windows_.back());
    if (instruction.opcode == Opcode::Gather && k == 0) return table_operand(instruction.in[k]);
    return operand(instruction.in[k], false);
  }

  void add_scale(uint16_t weights, Op& op) noexcept {
    const Tensor& tensor = program_.tensors[weights];
    op.is_i8 = tensor.dtype == DType::I8;
    if (op.is_i8) op.scale_offset = place_[tensor.scale];
  }

  void add_attention(const Instruction& instruction, Op& op) noexcept {
    op.attention = static_cast<uint32_t>(model_.attentions_.size());
    model_.attentions_.push_back(attention_of(program_, instruction));
    for (size_t k = 0; k < 3; ++k) op.x[k].offset += 4 * attention_column(instruction, k);
  }

  void add_output(const Io& io) noexcept {
    const Operand y = operand(io.tensor, true);
    model_.outputs_.push_back({.offset = y.offset,
                               .count = y.count,
                               .is_f32 = io.dtype == DType::F32,
                               .is_actuator = io.is_actuator});
  }

  void add_limits() noexcept {
    for (OutputSpec& output : model_.outputs_) {
      if (!output.is_actuator) continue;
      const uint64_t bytes = uint64_t{static_cast<uint32_t>(output.count)} * 4;
      output.low = sizes_.add(bytes);
      output.high = sizes_.add(bytes);
      output.max_delta = sizes_.add(bytes);
      output.safe = sizes_.add(bytes);
    }
  }

  void copy_constants() noexcept {
    uint8_t* block = model_.constants_.data();
    for (size_t i = 0; i < place_.size(); ++i) {
      const Tensor& tensor = program_.tensors[i];
      if (place_[i] != kUnplaced) load_constant(tensor, block + place_[i]);
      if (place_of_rows_[i] == kUnplaced) continue;
      const Bytes bytes = program_.image.constant(tensor);
      std::memcpy(block + place_of_rows_[i], bytes.data(), bytes.size());
    }
    for (const Kernels& packed : kernels_) {
      const Bytes bytes = program_.image.constant(program_.tensors[packed.tensor]);
      table_.pack_conv2d(packed.window, as_i8(bytes.data()), as_i8(block + packed.offset));
    }
    size_t next = 0;
    for (OutputSpec& output : model_.outputs_) {
      if (output.is_actuator) copy_limits(program_.safe[next++], output);
    }
  }

  void load_constant(const Tensor& tensor, uint8_t* to) noexcept {
    const Bytes bytes = program_.image.constant(tensor);
    switch (tensor.dtype) {
      case DType::I8:
        table_.pack_i8(as_i8(bytes.data()), static_cast<int>(tensor.dims[0]),
                       static_cast<int>(tensor.dims[1]), as_i8(to));
        break;
      case DType::F16: widen(bytes, static_cast<float*>(static_cast<void*>(to))); break;
      default: std::memcpy(to, bytes.data(), bytes.size());
    }
  }

  void copy_limits(const Safe& safe, OutputSpec& output) noexcept {
    uint8_t* block = model_.constants_.data();
    std::memcpy(block + output.low, safe.low.data(), safe.low.size());
    std::memcpy(block + output.high, safe.high.data(), safe.high.size());
    std::memcpy(block + output.max_delta, safe.max_delta.data(), safe.max_delta.size());
    std::memcpy(block + output.safe, safe.safe.data(), safe.safe.size());
    output.is_rate_limited = std::any_of(safe.max_delta.begin(), safe.max_delta.end(),
                                         [](uint8_t byte) { return byte != 0; });
  }

  const Program& program_;
  const kernels::KernelTable& table_;
  Model& model_;
  struct Kernels {
    uint16_t tensor = kNone;
    kernels::Window window;
    uint32_t offset = 0;
  };
  std::vector<Kernels> kernels_;
  std::vector<uint32_t> place_;          // of each constant in the block
  std::vector<uint32_t> place_of_rows_;  // of an i8 table as it is; a linear may read it as well
  std::vector<uint16_t> readers_;        // of each tensor
  uint16_t measured_ = kNone;
  BlockSizes sizes_;
  BlockSizes frame_;
};

Error Model::build(const Program& program, const kernels::KernelTable& table, uint64_t max_bytes,
                   Model& model) noexcept {
  return ModelBuilder(program, table, model).build(max_bytes);
}

Error AdapterModel::build(const Program& base, const AdapterProgram& adapter,
                          const kernels::KernelTable& table, uint64_t max_bytes,
                          AdapterModel& model) noexcept {
  BlockSizes sizes;
  for (const Patch& patch : adapter.patches) {
    const Slot& slot = base.slots[patch.slot];
    Part part{.slot = patch.slot, .rank = patch.rank, .scale = patch.scale};
    part.a = sizes.add(table.packed_i8_bytes(patch.rank, static_cast<int>(slot.in)));
    part.a_scale = sizes.add(uint64_t{patch.rank} * 4);
    part.b = sizes.add(table.packed_i8_bytes(static_cast<int>(slot.out), patch.rank));
    part.b_scale = sizes.add(uint64_t{slot.out} * 4);
    if (patch.bias != kNoBias) part.bias = sizes.add(uint64_t{slot.out} * 4);
    model.parts_.push_back(part);
  }
  if (Error error = sizes.check("adapter", max_bytes)) return error;
  if (!model.block_.allocate(sizes.size())) return fail(Status::OutOfMemory, "adapter");

  const uint8_t* from = adapter.image.constants.data();
  uint8_t* to = model.block_.data();
  for (size_t i = 0; i < adapter.patches.size(); ++i) {
    const Patch& patch = adapter.patches[i];
    const Part& part = model.parts_[i];
    const Slot& slot = base.slots[patch.slot];
    table.pack_i8(as_i8(from + patch.a), patch.rank, static_cast<int>(slot.in), as_i8(to + part.a));
    table.pack_i8(as_i8(from + patch.b), static_cast<int>(slot.out), patch.rank,
                  as_i8(to + part.b));
    std::memcpy(to + part.a_scale, from + patch.a_scale, size_t{patch.rank} * 4);
    std::memcpy(to + part.b_scale, from + patch.b_scale, size_t{slot.out} * 4);
    if (part.bias != kNoBias) std::memcpy(to + part.bias, from + patch.bias, size_t{slot.out} * 4);
  }
  return {};
}

}  // namespace plasma::vm
