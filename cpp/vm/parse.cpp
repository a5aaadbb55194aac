// SPDX-License-Identifier: Apache-2.0
// parse.cpp -- turns each table of ISA.md section 1 into records.
//
// Every record is read whole through ByteReader, then judged; nothing here looks at a second table.
#include "vm/parse.hpp"

#include <bit>
#include <cmath>

namespace plasma::vm {
namespace {

// How one table is cut into records.
struct TableRule {
  const char* name;
  size_t record_bytes;
  uint64_t least;
  uint64_t most;
};

constexpr TableRule kProgram{"program", 64, 1, kMaxInstructions};
constexpr TableRule kTensorTable{"tensor table", 32, 1, kMaxTensors};
constexpr TableRule kIoTable{"io table", 96, 0, kMaxIo};
constexpr TableRule kSlotTable{"slot table", 16, 0, kMaxSlots};
constexpr TableRule kPatchTable{"patch table", 32, 0, kMaxSlots};

template <typename Record>
Error parse_table(Bytes bytes, const TableRule& rule,
                  Error (*parse)(ByteReader&, int32_t, Record&) noexcept,
                  std::vector<Record>& records) noexcept {
  const size_t rest = bytes.size() % rule.record_bytes;
  if (rest != 0) return fail_equal(Status::ProgFormat, rule.name, rest, 0);
  const size_t count = bytes.size() / rule.record_bytes;
  if (count < rule.least) return fail_at_least(Status::ProgFormat, rule.name, count, rule.least);
  if (count > rule.most) return fail_at_most(Status::ProgFormat, rule.name, count, rule.most);
  records.resize(count);
  ByteReader reader(bytes);
  for (size_t i = 0; i < count; ++i) {
    if (Error error = parse(reader, static_cast<int32_t>(i), records[i])) return error;
  }
  return {};
}

bool is_dtype(uint8_t value) noexcept { return value >= 1 && value <= 4; }

bool is_number(float value) noexcept { return std::isfinite(value); }

// 1 <= dims, unused ones are 1, at most 2^28 elements.
// Products stay below 2^60: each factor is checked first.
Error check_dims(const std::array<uint32_t, 4>& dims, uint32_t rank, const char* what,
                 int32_t index) noexcept {
  uint64_t elements = 1;
  for (uint32_t i = 0; i < 4; ++i) {
    if (dims[i] == 0) return fail_at_least(Status::ProgDims, what, 0, 1, index);
    if (i >= rank && dims[i] != 1) return fail_equal(Status::ProgDims, what, dims[i], 1, index);
    elements *= dims[i];
    if (elements > kMaxElements) {
      return fail_at_most(Status::ProgDims, what, elements, kMaxElements, index);
    }
  }
  return {};
}

// Printable ASCII, then zeros up to the end; at least one zero.
template <size_t N>
bool is_text(const std::array<char, N>& text) noexcept {
  size_t length = 0;
  while (length < N && text[length] != '\0') {
    if (text[length] < 0x20 || text[length] > 0x7E) return false;
    ++length;
  }
  if (length == N) return false;
  for (size_t i = length; i < N; ++i) {
    if (text[i] != '\0') return false;
  }
  return true;
}

template <size_t N>
std::array<char, N> read_text(ByteReader& reader) noexcept {
  std::array<char, N> text{};
  const Bytes bytes = reader.take(N);
  for (size_t i = 0; i < bytes.size(); ++i) text[i] = static_cast<char>(bytes[i]);
  return text;
}

Error check_operands(const OpcodeRow& row, uint8_t n_in, const std::array<uint16_t, 8>& in,
                     int32_t index) noexcept {
  if (n_in < row.required)
    return fail_at_least(Status::ProgArity, row.mnemonic, n_in, row.required, index);
  const uint32_t most = uint32_t{row.required} + row.optional;
  if (n_in > most) return fail_at_most(Status::ProgArity, row.mnemonic, n_in, most, index);
  for (size_t i = 0; i < in.size(); ++i) {
    if ((in[i] == kNone) != (i >= n_in)) return fail(Status::ProgArity, "operand", index);
  }
  return {};
}

// Unused ones are zero in every bit, used ones finite.
Error check_immediates(const OpcodeRow& row, const Instruction& instruction,
                       int32_t index) noexcept {
  for (size_t i = row.immediates; i < kImmediates; ++i) {
    if (std::bit_cast<uint32_t>(instruction.imm[i]) != 0)
      return fail(Status::ProgArity, "immediates of instruction", index);
  }
  for (size_t i = 0; i < row.immediates; ++i) {
    if (!is_number(instruction.imm[i]))
      return fail(Status::ProgNumeric, "immediate of instruction", index);
  }
  return {};
}

Error parse_instruction(ByteReader& reader, int32_t index, Instruction& instruction) noexcept {
  const uint16_t code = reader.u16();
  const uint16_t flags = reader.u16();
  instruction.n_in = reader.u8();
  const uint8_t n_out = reader.u8();
  const uint16_t reserved = reader.u16();
  for (uint16_t& operand : instruction.in) operand = reader.u16();
  std::array<uint16_t, 4> out{};
  for (uint16_t& operand : out) operand = reader.u16();
  for (float& immediate : instruction.imm) immediate = reader.f32();

  const OpcodeRow* row = find_opcode(code);
  if (row == nullptr) return fail(Status::ProgOpcode, "instruction", index);
  instruction.opcode = row->opcode;
  if (flags != 0 || reserved != 0) return fail(Status::ProgFormat, "instruction", index);
  if (Error error = check_operands(*row, instruction.n_in, instruction.in, index)) return error;
  if (n_out != 1 || out[1] != kNone || out[2] != kNone || out[3] != kNone) {
    return fail_equal(Status::ProgArity, "outputs of instruction", n_out, 1, index);
  }
  instruction.out = out[0];
  return check_immediates(*row, instruction, index);
}

Error parse_tensor(ByteReader& reader, int32_t index, Tensor& tensor) noexcept {
  const uint8_t dtype = reader.u8();
  tensor.rank = reader.u8();
  const uint8_t storage = reader.u8();
  const uint8_t flags = reader.u8();
  for (uint32_t& dim : tensor.dims) dim = reader.u32();
  tensor.offset = reader.u32();
  tensor.scale = reader.u16();
  const bool reserved_is_zero = reader.zeros(6);

  if (!is_dtype(dtype)) return fail(Status::ProgFormat, "dtype of tensor", index);
  if (storage > 4) return fail(Status::ProgFormat, "storage of tensor", index);
  if (tensor.rank < 1 || tensor.rank > 4) return fail(Status::ProgFormat, "rank of tensor", index);
  if (flags != 0 || !reserved_is_zero)
    return fail(Status::ProgFormat, "reserved field of tensor", index);
  tensor.dtype = DType{dtype};
  tensor.storage = Storage{storage};
  return check_dims(tensor.dims, tensor.rank, "tensor", index);
}

Error parse_io_record(ByteReader& reader, int32_t index, Io& io) noexcept {
  io.name = read_text<32>(reader);
  const uint8_t direction = reader.u8();
  const uint8_t dtype = reader.u8();
  const uint8_t flags = reader.u8();
  const bool pad_is_zero = reader.zeros(1);
  const uint32_t rank = reader.u32();
  for (uint32_t& dim : io.dims) dim = reader.u32();
  io.tensor = reader.u16();
  const bool gap_is_zero = reader.zeros(2);
  io.unit = read_text<16>(reader);
  io.low = reader.f32();
  io.high = reader.f32();
  const bool rest_is_zero = reader.zeros(12);

  if (!is_text(io.name) || io.name[0] == '\0' || !is_text(io.unit)) {
    return fail(Status::ProgFormat, "name or unit of io", index);
  }
  if (direction > 1 || flags > 1 || !is_dtype(dtype) || rank < 1 || rank > 4 || !pad_is_zero ||
      !gap_is_zero || !rest_is_zero || (flags == 1 && direction == 0)) {
    return fail(Status::ProgFormat, "io", index);
  }
  if (!is_number(io.low) || !is_number(io.high) || io.low > io.high) {
    return fail(Status::ProgNumeric, "range of io", index);
  }
  io.is_output = direction == 1;
  io.is_actuator = flags == 1;
  io.dtype = DType{dtype};
  io.rank = static_cast<uint8_t>(rank);
  return check_dims(io.dims, rank, "io", index);
}

Error parse_slot(ByteReader& reader, int32_t index, Slot& slot) noexcept {
  slot.op_index = reader.u16();
  slot.max_rank = reader.u16();
  slot.in = reader.u32();
  slot.out = reader.u32();
  return reader.zeros(4) ? Error{} : fail(Status::ProgFormat, "slot", index);
}

Error parse_patch(ByteReader& reader, int32_t index, Patch& patch) noexcept {
  patch.slot = reader.u16();
  patch.rank = reader.u16();
  patch.scale = reader.f32();
  patch.a = reader.u32();
  patch.a_scale = reader.u32();
  patch.b = reader.u32();
  patch.b_scale = reader.u32();
  patch.bias = reader.u32();
  if (!reader.zeros(4)) return fail(Status::ProgFormat, "patch", index);
  if (!is_number(patch.scale)) return fail(Status::ProgNumeric, "scale of patch", index);
  return {};
}

}  // namespace

Error parse_instructions(Bytes bytes, std::vector<Instruction>& instructions) noexcept {
  return parse_table(bytes, kProgram, parse_instruction, instructions);
}

Error parse_tensors(Bytes bytes, std::vector<Tensor>& tensors) noexcept {
  return parse_table(bytes, kTensorTable, parse_tensor, tensors);
}

Error parse_io(Bytes bytes, std::vector<Io>& io) noexcept {
  return parse_table(bytes, kIoTable, parse_io_record, io);
}

Error parse_slots(Bytes bytes, std::vector<Slot>& slots) noexcept {
  return parse_table(bytes, kSlotTable, parse_slot, slots);
}

Error parse_patches(Bytes bytes, std::vector<Patch>& patches) noexcept {
  if (bytes.empty()) return fail_at_least(Status::ProgPatch, kPatchTable.name, 0, 1);
  return parse_table(bytes, kPatchTable, parse_patch, patches);
}

Error parse_safe(Bytes bytes, std::vector<Safe>& safe) noexcept {
  if (bytes.empty()) return {};
  ByteReader reader(bytes);
  const uint32_t count = reader.u32();
  if (!reader.zeros(4) || count == 0 || count > kMaxIo)
    return fail(Status::ProgFormat, "safe section");
  safe.resize(count);
  for (Safe& record : safe) {
    record.io_index = reader.u16();
    const bool gap_is_zero = reader.zeros(2);
    record.n = reader.u32();
    const size_t words = size_t{record.n} * 4;
    record.low = reader.take(words);
    record.high = reader.take(words);
    record.max_delta = reader.take(words);
    record.safe = reader.take(words);
    if (!reader.ok() || !gap_is_zero) return fail(Status::ProgFormat, "safe section");
  }
  if (reader.left() != 0)
    return fail_equal(Status::ProgFormat, "bytes after safe section", reader.left(), 0);
  return {};
}

}  // namespace plasma::vm
