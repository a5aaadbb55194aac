// SPDX-License-Identifier: Apache-2.0
// plan.cpp -- a base and the adapters that are on, as
// the one list of instructions the interpreter runs.
#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "vm/fp_env.hpp"
#include "vm/machine.hpp"

namespace plasma::vm {
namespace {

const int8_t* weights_at(const uint8_t* block, uint32_t offset) noexcept {
  return static_cast<const int8_t*>(static_cast<const void*>(block + offset));
}
const float* floats_at(const uint8_t* block, uint32_t offset) noexcept {
  return static_cast<const float*>(static_cast<const void*>(block + offset));
}

Lora resolve(const AdapterModel::Part& part, const uint8_t* block, float gain) noexcept {
  return {.a = weights_at(block, part.a),
          .a_scale = floats_at(block, part.a_scale),
          .b = weights_at(block, part.b),
          .b_scale = floats_at(block, part.b_scale),
          .bias = part.bias == kNoBias ? nullptr : floats_at(block, part.bias),
          .rank = part.rank,
          .c = fold_gain(gain, part.scale),
          .gain = gain};
}

// By its bits: a host that flushes denormals takes the least gains for zero.
bool is_on(const ActiveAdapter& adapter) noexcept {
  return (std::bit_cast<uint32_t>(adapter.gain) & 0x7FFFFFFF) != 0;
}

}  // namespace

Error Plan::build(const Model& model, std::span<const ActiveAdapter> adapters,
                  Plan& plan) noexcept {
  plan.model_ = &model;
  plan.ops_.assign(model.ops().begin(), model.ops().end());
  std::vector<ActiveAdapter> on;
  std::copy_if(adapters.begin(), adapters.end(), std::back_inserter(on), is_on);
  size_t bytes = 0;
  for (const ActiveAdapter& adapter : on) bytes += adapter.model->block().size();
  if (!plan.block_.allocate(bytes)) return fail(Status::OutOfMemory, "plan");

  std::vector<const uint8_t*> blocks;
  uint8_t* end = plan.block_.data();
  for (const ActiveAdapter& adapter : on) {
    const Bytes block = adapter.model->block();
    std::memcpy(end, block.data(), block.size());
    blocks.push_back(end);
    end += block.size();
  }

  const DefaultFpMode pinned;
  for (size_t op_index = 0; op_index < plan.ops_.size(); ++op_index) {
    Op& op = plan.ops_[op_index];
    op.first_lora = static_cast<uint32_t>(plan.loras_.size());
    for (size_t i = 0; i < on.size(); ++i) {
      for (const AdapterModel::Part& part : on[i].model->parts()) {
        if (part.op_index == op_index) plan.loras_.push_back(resolve(part, blocks[i], on[i].gain));
      }
    }
    op.lora_count = static_cast<uint32_t>(plan.loras_.size()) - op.first_lora;
  }
  return {};
}

}  // namespace plasma::vm
