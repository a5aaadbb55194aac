// SPDX-License-Identifier: Apache-2.0
// plan.cpp -- which patches run beside the base, and how strongly.
#include <algorithm>
#include <bit>
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

Lora resolve(const AdapterModel::Part& part, const uint8_t* block) noexcept {
  return {.a = weights_at(block, part.a),
          .a_scale = floats_at(block, part.a_scale),
          .b = weights_at(block, part.b),
          .b_scale = floats_at(block, part.b_scale),
          .bias = part.bias == kNoBias ? nullptr : floats_at(block, part.bias),
          .rank = part.rank};
}

// By its bits: a host that flushes denormals takes the least gains for zero.
bool is_on(float gain) noexcept { return (std::bit_cast<uint32_t>(gain) & 0x7FFFFFFF) != 0; }

}  // namespace

Error AdapterSet::build(std::span<const AdapterModel* const> adapters, AdapterSet& set) noexcept {
  size_t bytes = 0;
  for (const AdapterModel* adapter : adapters) bytes += adapter->block().size();
  if (!set.block_.allocate(bytes)) return fail(Status::OutOfMemory, "adapters");
  uint8_t* end = set.block_.data();
  for (size_t i = 0; i < adapters.size(); ++i) {
    const Bytes block = adapters[i]->block();
    std::memcpy(end, block.data(), block.size());
    for (const AdapterModel::Part& part : adapters[i]->parts())
      set.patches_.push_back({part.slot, static_cast<uint16_t>(i), part.scale, resolve(part, end)});
    end += block.size();
  }
  std::stable_sort(set.patches_.begin(), set.patches_.end(),
                   [](const Patch& a, const Patch& b) { return a.slot < b.slot; });
  return {};
}

Plan::Plan(const Model& model, const AdapterSet& set) noexcept
    : model_(&model), set_(&set), begins_(model.slot_count() + 1) {
  loras_.reserve(set.patches().size());
}

void Plan::mix(std::span<const float> gains) noexcept {
  const DefaultFpMode pinned;
  loras_.clear();
  size_t slot = 0;
  for (const AdapterSet::Patch& patch : set_->patches()) {
    while (slot <= patch.slot) begins_[slot++] = static_cast<uint32_t>(loras_.size());
    const float gain = gains[patch.adapter];
    if (!is_on(gain)) continue;
    Lora& lora = loras_.emplace_back(patch.lora);
    lora.gain = gain;
    lora.c = fold_gain(gain, patch.scale);
  }
  while (slot < begins_.size()) begins_[slot++] = static_cast<uint32_t>(loras_.size());
}

}  // namespace plasma::vm
