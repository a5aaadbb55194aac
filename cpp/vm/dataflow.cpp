// SPDX-License-Identifier: Apache-2.0
// dataflow.cpp -- rules 7, 8 and 10: every value is written
// once before it is read, used, and alone on its bytes.
#include <algorithm>
#include <iterator>
#include <map>

#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

constexpr int32_t kNever = -1;

struct Life {
  int32_t written = kNever;
  int32_t last_read = kNever;
};

Error note_read(const Tensor& tensor, Life& life, int32_t index) noexcept {
  const bool is_written = life.written != kNever;
  switch (tensor.storage) {
    case Storage::Arena:
      if (!is_written) return fail(Status::ProgSsa, "reads before a write: instruction", index);
      break;
    case Storage::State:
      if (is_written)
        return fail(Status::ProgSsa, "reads a state already written: instruction", index);
      break;
    case Storage::Output: return fail(Status::ProgSsa, "reads an output: instruction", index);
    default: break;
  }
  life.last_read = index;
  return {};
}

Error note_write(const Tensor& tensor, Life& life, int32_t index) noexcept {
  if (tensor.storage == Storage::Const || tensor.storage == Storage::Input) {
    return fail(Status::ProgSsa, "writes an input or constant: instruction", index);
  }
  if (life.written != kNever)
    return fail(Status::ProgSsa, "writes a tensor twice: instruction", index);
  life.written = index;
  return {};
}

Error check_use(const Tensor& tensor, const Life& life, int32_t index) noexcept {
  const bool must_be_read = tensor.storage == Storage::Arena || tensor.storage == Storage::Input ||
                            tensor.storage == Storage::State;
  // An arena tensor that is read was written: note_read.
  const bool must_be_written =
      tensor.storage == Storage::Output || tensor.storage == Storage::State;
  if (must_be_read && life.last_read == kNever)
    return fail(Status::ProgDead, "never read: tensor", index);
  if (must_be_written && life.written == kNever)
    return fail(Status::ProgDead, "never written: tensor", index);
  return {};
}

std::vector<Life> lives_of(const Program& program) noexcept {
  std::vector<Life> lives(program.tensors.size());
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    for (size_t k = 0; k < instruction.n_in; ++k)
      lives[instruction.in[k]].last_read = static_cast<int32_t>(i);
    lives[instruction.out].written = static_cast<int32_t>(i);
  }
  return lives;
}

// The bytes of arena tensors alive at one instruction; offset
// -> end. They never overlap, so neighbours are enough.
class ByteMap {
 public:
  bool insert(const Tensor& tensor) noexcept {
    const uint64_t begin = tensor.offset;
    const uint64_t end = begin + tensor.bytes();
    const auto after = taken_.lower_bound(begin);
    if (after != taken_.end() && after->first < end) return false;
    if (after != taken_.begin() && std::prev(after)->second > begin) return false;
    taken_.emplace_hint(after, begin, end);
    return true;
  }
  void erase(const Tensor& tensor) noexcept { taken_.erase(tensor.offset); }

 private:
  std::map<uint64_t, uint64_t> taken_;
};

bool may_write_over(const Program& program, const Instruction& instruction,
                    uint16_t operand) noexcept {
  const OpcodeRow* row = find_opcode(static_cast<uint16_t>(instruction.opcode));
  const Tensor& x = program.tensors[operand];
  const Tensor& y = program.tensors[instruction.out];
  return row->in_place && y.storage == Storage::Arena && x.offset == y.offset &&
         x.bytes() == y.bytes();
}

}  // namespace

Error check_dataflow(const Program& program) noexcept {
  std::vector<Life> lives(program.tensors.size());
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    const auto index = static_cast<int32_t>(i);
    for (size_t k = 0; k < instruction.n_in; ++k) {
      const uint16_t operand = instruction.in[k];
      if (Error error = note_read(program.tensors[operand], lives[operand], index)) return error;
    }
    if (Error error = note_write(program.tensors[instruction.out], lives[instruction.out], index))
      return error;
  }
  for (size_t i = 0; i < lives.size(); ++i) {
    if (Error error = check_use(program.tensors[i], lives[i], static_cast<int32_t>(i)))
      return error;
  }
  return {};
}

Error check_arena(const Program& program) noexcept {
  const std::vector<Life> lives = lives_of(program);
  ByteMap taken;
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    const auto index = static_cast<int32_t>(i);
    // Operands that die here leave in two steps: what
    // y may replace before y enters, the others after.
    std::vector<uint16_t> dying;
    for (size_t k = 0; k < instruction.n_in; ++k) {
      const uint16_t operand = instruction.in[k];
      const bool dies =
          program.tensors[operand].storage == Storage::Arena && lives[operand].last_read == index;
      if (dies) dying.push_back(operand);  // read twice, it leaves twice
    }
    std::erase_if(dying, [&](uint16_t operand) {
      const bool replaced = may_write_over(program, instruction, operand);
      if (replaced) taken.erase(program.tensors[operand]);
      return replaced;
    });
    const Tensor& y = program.tensors[instruction.out];
    if (y.storage == Storage::Arena && !taken.insert(y)) {
      return fail(Status::ProgArena, "shares bytes with a live tensor: tensor", instruction.out);
    }
    for (uint16_t operand : dying) taken.erase(program.tensors[operand]);
  }
  return {};
}

}  // namespace plasma::vm
