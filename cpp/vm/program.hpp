// SPDX-License-Identifier: Apache-2.0
// program.hpp -- the tables of a program as records, and
// the proof that they may run (ISA.md, sections 1 to 4).
//
// validate() is the only thing that makes a Program;
// whoever holds one may index, read and run without checks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/byte_reader.hpp"
#include "plasma_edge/status.hpp"

namespace plasma::vm {

inline constexpr uint32_t kOpset = 1;
inline constexpr uint16_t kNone = 0xFFFF;
inline constexpr uint32_t kNoBias = 0xFFFFFFFF;
inline constexpr uint64_t kMaxInstructions = 4'096;
inline constexpr uint64_t kMaxTensors = 8'192;
inline constexpr uint64_t kMaxIo = 64;
inline constexpr uint64_t kMaxSlots = 1'024;
inline constexpr uint64_t kMaxElements = 1ull << 28;
inline constexpr uint64_t kMaxRank = 1'024;
inline constexpr uint64_t kMaxDotTerms = 66'572;  // 254 * 127 * 66'572 < 2^31
inline constexpr size_t kImmediates = 8;

enum class Opcode : uint16_t {
#define PLASMA_OP(code, name, text, required, optional, immediates, cost, place) name = code,
#include "vm/opcodes.def"
#undef PLASMA_OP
};

struct OpcodeRow {
  Opcode opcode;
  const char* name;
  const char* mnemonic;
  uint8_t required;
  uint8_t optional;
  uint8_t immediates;
  uint16_t cost;
  bool in_place;
};

[[nodiscard]] std::span<const OpcodeRow> opcode_rows() noexcept;
[[nodiscard]] const OpcodeRow* find_opcode(uint16_t code) noexcept;

enum class DType : uint8_t { I8 = 1, F16 = 2, F32 = 3, I32 = 4 };
enum class Storage : uint8_t { Const = 0, Arena = 1, State = 2, Input = 3, Output = 4 };

struct Tensor {
  DType dtype{};
  Storage storage{};
  uint8_t rank = 0;
  std::array<uint32_t, 4> dims{};
  uint32_t offset = 0;
  uint16_t scale = kNone;  // row scales of an i8 tensor

  [[nodiscard]] uint64_t elements() const noexcept {
    return uint64_t{dims[0]} * dims[1] * dims[2] * dims[3];
  }
  // As rows of its last dimension: their length and their number.
  [[nodiscard]] uint32_t row() const noexcept { return dims[rank - 1]; }
  [[nodiscard]] uint64_t rows() const noexcept { return elements() / row(); }
  [[nodiscard]] bool has_rows_of(Tensor other) const noexcept {
    other.dims[other.rank - 1u] = row();
    return rank == other.rank && dims == other.dims;
  }
  [[nodiscard]] uint64_t bytes() const noexcept {
    return elements() * (dtype == DType::I8 ? 1 : dtype == DType::F16 ? 2 : 4);
  }
};

struct Instruction {
  Opcode opcode{};
  uint8_t n_in = 0;
  std::array<uint16_t, 8> in{};
  uint16_t out = kNone;
  std::array<float, kImmediates> imm{};
};

struct Io {
  std::array<char, 32> name{};
  std::array<char, 16> unit{};
  bool is_output = false;
  bool is_actuator = false;
  DType dtype{};
  uint8_t rank = 0;
  std::array<uint32_t, 4> dims{};
  float low = 0;
  float high = 0;
  uint16_t tensor = kNone;
};

struct Slot {
  uint16_t op_index = 0;
  uint16_t max_rank = 0;
  uint32_t in = 0;
  uint32_t out = 0;
};

// Four vectors of n 4-byte words, of the output's dtype (max_delta always f32).
struct Safe {
  uint16_t io_index = 0;
  uint32_t n = 0;
  Bytes low, high, max_delta, safe;
};

// One patch of an adapter: byte offsets into its constants.
struct Patch {
  uint16_t slot = 0;
  uint16_t rank = 0;
  float scale = 0;
  uint32_t a = 0, a_scale = 0, b = 0, b_scale = 0, bias = kNoBias;
};

struct Certificate {
  uint64_t arena_bytes = 0;
  uint64_t state_bytes = 0;
  uint64_t const_bytes = 0;
  uint64_t macs = 0;
  uint64_t cost_units = 0;
};

// The sections of a base as raw bytes; an absent one
// is empty. Views, valid while their owner lives.
struct Image {
  Bytes prog, tens, const_i8, const_f16, const_f32, const_i32, io, slots, safe;

  [[nodiscard]] Bytes constants(DType dtype) const noexcept {
    switch (dtype) {
      case DType::I8: return const_i8;
      case DType::F16: return const_f16;
      case DType::F32: return const_f32;
      case DType::I32: return const_i32;
    }
    return {};
  }
  [[nodiscard]] Bytes constant(const Tensor& tensor) const noexcept {
    return constants(tensor.dtype).subspan(tensor.offset, static_cast<size_t>(tensor.bytes()));
  }
};

struct AdapterImage {
  Bytes patches, constants;
};

// Records as parsed; after validate() every index, offset and shape in them holds.
struct Program {
  std::vector<Instruction> instructions;
  std::vector<Tensor> tensors;
  std::vector<Io> io;
  std::vector<Slot> slots;
  std::vector<Safe> safe;
  Image image;
  Certificate certificate;
};

struct AdapterProgram {
  std::vector<Patch> patches;
  AdapterImage image;
  Certificate certificate;
};

// ISA.md rules 1 to 15, then the certificate. `program` is valid only when no error came back.
Error validate(const Image& image, Program& program) noexcept;

// ISA.md rule 16 against a validated base, then the certificate of what the adapter adds.
Error validate_adapter(const Program& base, const AdapterImage& image,
                       AdapterProgram& adapter) noexcept;

}  // namespace plasma::vm
