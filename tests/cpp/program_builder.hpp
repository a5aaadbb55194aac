// SPDX-License-Identifier: Apache-2.0
// program_builder.hpp -- writes the tables of a program from
// a description, honest or hostile in any single field.
//
// Written from ISA.md and not from cpp/vm. Offsets nobody asked for are the right ones; whatever is
// set by hand is written as it stands.
#pragma once

#include <bit>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "packet_writer.hpp"
#include "vm/program.hpp"

namespace plasma::test {

using vm::DType;
using vm::Opcode;
using vm::Storage;

enum SectionType : uint32_t {
  kProg = 1,
  kTens = 2,
  kConstI8 = 3,
  kConstF16 = 4,
  kConstF32 = 5,
  kConstI32 = 6,
  kIo = 7,
  kSlots = 8,
  kGold = 10,
  kSafe = 11,
  kLora = 16,
  kLoraConst = 17,
};
constexpr size_t kInstructionBytes = 64, kTensorBytes = 32, kIoBytes = 96, kSlotBytes = 16;
constexpr size_t kPatchBytes = 32;
constexpr uint16_t kUnused = 0xFFFF;

using Floats = std::vector<float>;
using Ints = std::vector<int32_t>;
using Weights = std::vector<int8_t>;

inline uint32_t word_of(float value) { return std::bit_cast<uint32_t>(value); }
inline uint32_t word_of(int32_t value) { return static_cast<uint32_t>(value); }

template <class T>
Blob words(const std::vector<T>& values) {
  Blob blob;
  for (const T value : values) append(blob, word_of(value), 4);
  return blob;
}
inline Blob bytes_of(const Weights& weights) { return {weights.begin(), weights.end()}; }

// Raw sections by type, and the same as the validator takes them.
using Sections = std::map<uint32_t, Blob>;

inline Bytes section_of(const Sections& sections, uint32_t type) {
  const auto found = sections.find(type);
  return found == sections.end() ? Bytes{} : Bytes(found->second);
}
inline vm::Image image_of(const Sections& sections) {
  return {.prog = section_of(sections, kProg),
          .tens = section_of(sections, kTens),
          .const_i8 = section_of(sections, kConstI8),
          .const_f16 = section_of(sections, kConstF16),
          .const_f32 = section_of(sections, kConstF32),
          .const_i32 = section_of(sections, kConstI32),
          .io = section_of(sections, kIo),
          .slots = section_of(sections, kSlots),
          .safe = section_of(sections, kSafe)};
}
inline vm::AdapterImage adapter_image_of(const Sections& sections) {
  return {.patches = section_of(sections, kLora), .constants = section_of(sections, kLoraConst)};
}

struct TensorSpec {
  DType dtype = DType::F32;
  Storage storage = Storage::Arena;
  std::vector<uint32_t> dims = {};
  Blob values = {};  // of a constant
  uint16_t scale = kUnused;
  std::optional<uint32_t> offset = {};

  [[nodiscard]] uint64_t elements() const {
    uint64_t product = 1;
    for (const uint32_t dim : dims) product *= dim;
    return product;
  }
  [[nodiscard]] uint64_t bytes() const {
    return elements() * (dtype == DType::I8 ? 1 : dtype == DType::F16 ? 2 : 4);
  }
};

struct InstructionSpec {
  Opcode opcode{};
  uint16_t out = kUnused;
  std::vector<uint16_t> in = {};
  float imm = 0;
  Floats more = {};  // the immediates after it
};

struct IoSpec {
  std::string name = {};
  uint16_t tensor = kUnused;
  bool is_actuator = false;
  std::string unit = {};
  float low = 0, high = 0;
};

struct SlotSpec {
  uint16_t op_index = 0, max_rank = 0;
  uint32_t in = 0, out = 0;
};

// Four vectors of words; `n` as written, right by default.
struct SafeSpec {
  uint16_t io_index = 0;
  Blob low = {}, high = {}, max_delta = {}, safe = {};
};

struct ProgramBuilder {
  std::vector<TensorSpec> tensors = {};
  std::vector<InstructionSpec> instructions = {};
  std::vector<IoSpec> io = {};
  std::vector<SlotSpec> slots = {};
  std::vector<SafeSpec> safe = {};
  std::vector<std::function<void(Sections&)>> edits = {};  // made last, on the bytes

  uint16_t add(TensorSpec spec) {
    tensors.push_back(std::move(spec));
    return static_cast<uint16_t>(tensors.size() - 1);
  }
  uint16_t input(const std::string& name, uint32_t n) {
    const uint16_t index = add({.storage = Storage::Input, .dims = {n}});
    io.push_back({.name = name, .tensor = index});
    return index;
  }
  uint16_t output(const std::string& name, uint32_t n, DType dtype = DType::F32) {
    const uint16_t index = add({.dtype = dtype, .storage = Storage::Output, .dims = {n}});
    io.push_back({.name = name, .tensor = index});
    return index;
  }
  // f32 [height, width, channels], or another shape.
  uint16_t image(const std::string& name, Storage storage, const std::vector<uint32_t>& dims) {
    const uint16_t index = add({.storage = storage, .dims = dims});
    if (storage != Storage::Arena) io.push_back({.name = name, .tensor = index});
    return index;
  }
  uint16_t arena(uint32_t n, std::optional<uint32_t> offset = {}) {
    return add({.storage = Storage::Arena, .dims = {n}, .offset = offset});
  }
  uint16_t state(uint32_t n) { return add({.storage = Storage::State, .dims = {n}}); }
  uint16_t constant(const Floats& values) {
    return add({.storage = Storage::Const,
                .dims = {static_cast<uint32_t>(values.size())},
                .values = words(values)});
  }
  uint16_t matrix(uint32_t rows, uint32_t cols, const Floats& values) {
    return add({.storage = Storage::Const, .dims = {rows, cols}, .values = words(values)});
  }
  // Its row scales are the next tensor.
  uint16_t weights(uint32_t rows, uint32_t cols, const Weights& values, const Floats& scales) {
    const uint16_t index = add({.dtype = DType::I8,
                                .storage = Storage::Const,
                                .dims = {rows, cols},
                                .values = bytes_of(values)});
    tensors[index].scale = constant(scales);
    return index;
  }
  // [out, height, width, channels]; their scales are the next tensor.
  uint16_t kernels(const std::vector<uint32_t>& dims, const Weights& values, const Floats& scales) {
    const uint16_t index = weights(dims[0], 1, values, scales);
    tensors[index].dims = dims;
    return index;
  }
  // Changes the length of a vector; a constant goes on with zeros.
  void resize(uint16_t tensor, uint32_t n) {
    tensors[tensor].dims = {n};
    if (tensors[tensor].storage == Storage::Const) tensors[tensor].values.resize(size_t{n} * 4);
  }

  uint16_t op(Opcode opcode, uint16_t out, const std::vector<uint16_t>& in, float imm = 0) {
    instructions.push_back({opcode, out, in, imm});
    return static_cast<uint16_t>(instructions.size() - 1);
  }
  void slot(uint16_t op_index, uint16_t max_rank) {
    const std::vector<uint32_t>& dims = tensors[instructions[op_index].in[1]].dims;
    slots.push_back({op_index, max_rank, dims[1], dims[0]});
  }
  template <class T>
  void actuate(const std::string& name, const std::vector<T>& low, const std::vector<T>& high,
               const std::vector<T>& action, const Floats& max_delta = {}) {
    for (size_t i = 0; i < io.size(); ++i) {
      if (io[i].name != name) continue;
      io[i].is_actuator = true;
      const Blob delta = max_delta.empty() ? Blob(low.size() * 4) : words(max_delta);
      safe.push_back({static_cast<uint16_t>(i), words(low), words(high), delta, words(action)});
    }
  }

  // Overwrites `count` bytes at `at` of a section.
  void poke(uint32_t section, size_t at, uint64_t value, size_t count) {
    edits.push_back([=](Sections& sections) { put(sections[section], at, value, count); });
  }
  void resize_section(uint32_t section, int64_t by) {
    edits.push_back([=](Sections& sections) {
      Blob& blob = sections[section];
      blob.resize(static_cast<size_t>(static_cast<int64_t>(blob.size()) + by));
    });
  }

  [[nodiscard]] Sections sections() const;

 private:
  [[nodiscard]] std::vector<uint16_t> constants_in_order() const;
  [[nodiscard]] std::vector<uint32_t> offsets() const;
  void write_tables(Sections& sections, const std::vector<uint32_t>& at) const;
  void write_constants(Sections& sections, const std::vector<uint32_t>& at) const;
};

// One patch of an adapter; empty bias: none.
struct LoraSpec {
  uint16_t slot = 0, rank = 0;
  float scale = 1;
  Weights a = {};
  Floats a_scale = {};
  Weights b = {};
  Floats b_scale = {};
  Floats bias = {};
};

struct AdapterBuilder {
  std::vector<LoraSpec> patches = {};
  std::vector<std::function<void(Sections&)>> edits = {};

  void poke(uint32_t section, size_t at, uint64_t value, size_t count) {
    edits.push_back([=](Sections& sections) { put(sections[section], at, value, count); });
  }

  [[nodiscard]] Sections sections() const;
};

}  // namespace plasma::test
