// SPDX-License-Identifier: Apache-2.0
// program_builder.cpp -- turns descriptions into the bytes of ISA.md section 1.
#include "program_builder.hpp"

namespace plasma::test {

// Constants in order of first use, an i8 weight's scales right after it; then those nothing uses.
std::vector<uint16_t> ProgramBuilder::constants_in_order() const {
  std::vector<uint16_t> order;
  const auto use = [&](uint16_t index) {
    if (index >= tensors.size() || tensors[index].storage != Storage::Const) return;
    if (std::find(order.begin(), order.end(), index) == order.end()) order.push_back(index);
  };
  const auto use_with_scale = [&](uint16_t index) {
    use(index);
    if (index < tensors.size()) use(tensors[index].scale);
  };
  for (const InstructionSpec& instruction : instructions) {
    for (const uint16_t operand : instruction.in) use_with_scale(operand);
  }
  for (size_t i = 0; i < tensors.size(); ++i) use(static_cast<uint16_t>(i));
  return order;
}

std::vector<uint32_t> ProgramBuilder::offsets() const {
  std::vector<uint32_t> at(tensors.size());
  std::map<std::pair<Storage, DType>, uint64_t> ends;
  const auto place = [&](size_t i, DType dtype, uint64_t unit) {
    uint64_t& end = ends[{tensors[i].storage, dtype}];
    const uint64_t begin = tensors[i].offset.value_or((end + unit - 1) / unit * unit);
    at[i] = static_cast<uint32_t>(begin);
    end = begin + tensors[i].bytes();
  };
  for (const uint16_t index : constants_in_order()) place(index, tensors[index].dtype, 64);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].storage != Storage::Const) place(i, DType::F32, 4);
  }
  return at;
}

void ProgramBuilder::write_constants(Sections& sections, const std::vector<uint32_t>& at) const {
  for (const uint16_t index : constants_in_order()) {
    const TensorSpec& tensor = tensors[index];
    Blob& section = sections[static_cast<uint32_t>(tensor.dtype) + kConstI8 - 1];
    section.resize(std::max(section.size(), at[index] + tensor.values.size()));
    std::copy(tensor.values.begin(), tensor.values.end(), section.begin() + at[index]);
  }
}

void ProgramBuilder::write_tables(Sections& sections, const std::vector<uint32_t>& at) const {
  const auto dims_of = [](Blob& blob, const std::vector<uint32_t>& dims) {
    for (size_t i = 0; i < 4; ++i) append(blob, i < dims.size() ? dims[i] : 1, 4);
  };
  const auto text_of = [](Blob& blob, std::string text, size_t length) {
    text.resize(length);
    append(blob, text);
  };
  for (const InstructionSpec& instruction : instructions) {
    Blob& blob = sections[kProg];
    append(blob, static_cast<uint16_t>(instruction.opcode), 4);
    append(blob, instruction.in.size(), 1);
    append(blob, 1, 3);
    for (size_t i = 0; i < 8; ++i) {
      append(blob, i < instruction.in.size() ? instruction.in[i] : kUnused, 2);
    }
    append(blob, instruction.out, 2);
    append(blob, 0xFFFFFFFFFFFF, 6);
    append(blob, word_of(instruction.imm), 4);
    append(blob, words(instruction.more));
    append(blob, Blob(28 - 4 * instruction.more.size()));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    Blob& blob = sections[kTens];
    append(blob, static_cast<uint8_t>(tensors[i].dtype), 1);
    append(blob, tensors[i].dims.size(), 1);
    append(blob, static_cast<uint8_t>(tensors[i].storage), 2);
    dims_of(blob, tensors[i].dims);
    append(blob, at[i], 4);
    append(blob, tensors[i].scale, 2);
    append(blob, 0, 6);
  }
  for (const IoSpec& port : io) {
    Blob& blob = sections[kIo];
    const TensorSpec& tensor = tensors[port.tensor];
    text_of(blob, port.name, 32);
    append(blob, tensor.storage == Storage::Output, 1);
    append(blob, static_cast<uint8_t>(tensor.dtype), 1);
    append(blob, port.is_actuator, 2);
    append(blob, tensor.dims.size(), 4);
    dims_of(blob, tensor.dims);
    append(blob, port.tensor, 4);
    text_of(blob, port.unit, 16);
    append(blob, word_of(port.low), 4);
    append(blob, word_of(port.high), 4);
    append(blob, Blob(12));
  }
  for (const SlotSpec& slot : slots) {
    Blob& blob = sections[kSlots];
    append(blob, slot.op_index, 2);
    append(blob, slot.max_rank, 2);
    append(blob, slot.in, 4);
    append(blob, slot.out, 8);
  }
  if (!safe.empty()) append(sections[kSafe], safe.size(), 8);
  for (const SafeSpec& record : safe) {
    Blob& blob = sections[kSafe];
    append(blob, record.io_index, 4);
    append(blob, record.low.size() / 4, 4);
    for (const Blob* part : {&record.low, &record.high, &record.max_delta, &record.safe}) {
      append(blob, *part);
    }
  }
}

Sections ProgramBuilder::sections() const {
  Sections sections;
  const std::vector<uint32_t> at = offsets();
  write_tables(sections, at);
  write_constants(sections, at);
  for (const auto& edit : edits) edit(sections);
  return sections;
}

Sections AdapterBuilder::sections() const {
  Sections sections;
  Blob& table = sections[kLora];
  Blob& constants = sections[kLoraConst];
  const auto part = [&](const Blob& bytes) {
    pad_to_64(constants);
    append(table, constants.size(), 4);
    append(constants, bytes);
  };
  for (const LoraSpec& patch : patches) {
    append(table, patch.slot, 2);
    append(table, patch.rank, 2);
    append(table, word_of(patch.scale), 4);
    part(bytes_of(patch.a));
    part(words(patch.a_scale));
    part(bytes_of(patch.b));
    part(words(patch.b_scale));
    if (patch.bias.empty()) {
      append(table, 0xFFFFFFFF, 4);
    } else {
      part(words(patch.bias));
    }
    append(table, 0, 4);
  }
  for (const auto& edit : edits) edit(sections);
  return sections;
}

}  // namespace plasma::test
