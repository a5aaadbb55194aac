// SPDX-License-Identifier: Apache-2.0
// plan.cpp -- a base and the adapters that are on, as the one list of instructions the interpreter
// runs.
#include <cstring>

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

}  // namespace

Error Plan::build(const Model& model, std::span<const ActiveAdapter> adapters,
                  Plan& plan) noexcept {
  plan.model_ = &model;
  plan.ops_.assign(model.ops().begin(), model.ops().end());
  size_t bytes = 0;
  for (const ActiveAdapter& adapter : adapters) {
    if (adapter.gain != 0) bytes += adapter.model->block().size();
  }
  if (!plan.block_.allocate(bytes)) return fail(Status::OutOfMemory, "plan");

  std::vector<const uint8_t*> blocks;
  uint8_t* end = plan.block_.data();
  for (const ActiveAdapter& adapter : adapters) {
    blocks.push_back(end);
    if (adapter.gain == 0) continue;
    const Bytes block = adapter.model->block();
    std::memcpy(end, block.data(), block.size());
    end += block.size();
  }

  const DefaultFpMode pinned;
  for (size_t op_index = 0; op_index < plan.ops_.size(); ++op_index) {
    plan.ops_[op_index].first_lora = static_cast<uint32_t>(plan.loras_.size());
    for (size_t i = 0; i < adapters.size(); ++i) {
      if (adapters[i].gain == 0) continue;
      for (const AdapterModel::Part& part : adapters[i].model->parts()) {
        if (part.op_index == op_index)
          plan.loras_.push_back(resolve(part, blocks[i], adapters[i].gain));
      }
    }
    plan.ops_[op_index].lora_count =
        static_cast<uint32_t>(plan.loras_.size()) - plan.ops_[op_index].first_lora;
  }
  return {};
}

}  // namespace plasma::vm
