// SPDX-License-Identifier: Apache-2.0
// adapter.cpp -- rule 16: the patches of an adapter against the slots of one validated base.
#include "base/aligned_buffer.hpp"
#include "vm/parse.hpp"
#include "vm/rules.hpp"

namespace plasma::vm {
namespace {

// Walks LORA_CONST part by part; every part begins where the one before it ends, rounded up to 64.
class Parts {
 public:
  explicit Parts(Bytes bytes) noexcept : bytes_(bytes) {}

  Error take(uint32_t offset, uint64_t length, int32_t index, Bytes& part) noexcept {
    const uint64_t begin = align_up(end_);
    if (offset != begin)
      return fail_equal(Status::ProgPatch, "offset in patch", offset, begin, index);
    if (begin + length > bytes_.size()) {
      return fail_at_most(Status::ProgPatch, "end of a part of patch", begin + length,
                          bytes_.size(), index);
    }
    for (uint64_t at = end_; at < begin; ++at) {
      if (bytes_[at] != 0) return fail(Status::Hole, "gap in patch", index);
    }
    part = bytes_.subspan(begin, length);
    end_ = begin + length;
    return {};
  }

  [[nodiscard]] uint64_t left() const noexcept { return bytes_.size() - end_; }

 private:
  Bytes bytes_;
  uint64_t end_ = 0;
};

Error check_matrix(Parts& parts, uint32_t offset, uint32_t scale_offset, uint64_t rows,
                   uint64_t cols, int32_t index) noexcept {
  Bytes weights, scales;
  if (Error error = parts.take(offset, rows * cols, index, weights)) return error;
  if (Error error = parts.take(scale_offset, rows * 4, index, scales)) return error;
  if (Error error = check_weights(weights, "weights of patch", index)) return error;
  return check_scales(scales, "scales of patch", index);
}

Error check_patch(const Program& base, const Patch& patch, int32_t previous_slot, Parts& parts,
                  int32_t index) noexcept {
  if (patch.slot <= previous_slot)
    return fail(Status::ProgPatch, "slots out of order: patch", index);
  if (patch.slot >= base.slots.size()) {
    return fail(Status::ProgPatch, "no such slot: patch", index);
  }
  const Slot& slot = base.slots[patch.slot];
  if (patch.rank < 1)
    return fail_at_least(Status::ProgPatch, "rank of patch", patch.rank, 1, index);
  if (patch.rank > slot.max_rank) {
    return fail_at_most(Status::ProgPatch, "rank of patch", patch.rank, slot.max_rank, index);
  }
  if (Error error = check_matrix(parts, patch.a, patch.a_scale, patch.rank, slot.in, index))
    return error;
  if (Error error = check_matrix(parts, patch.b, patch.b_scale, slot.out, patch.rank, index))
    return error;
  if (patch.bias == kNoBias) return {};
  Bytes bias;
  if (Error error = parts.take(patch.bias, uint64_t{slot.out} * 4, index, bias)) return error;
  return check_finite(bias, "bias of patch", index);
}

}  // namespace

Error validate_adapter(const Program& base, const AdapterImage& image,
                       AdapterProgram& adapter) noexcept {
  adapter.image = image;
  if (Error error = parse_patches(image.patches, adapter.patches)) return error;
  Parts parts(image.constants);
  int32_t previous_slot = -1;
  for (size_t i = 0; i < adapter.patches.size(); ++i) {
    const Patch& patch = adapter.patches[i];
    if (Error error = check_patch(base, patch, previous_slot, parts, static_cast<int32_t>(i)))
      return error;
    previous_slot = patch.slot;
  }
  if (parts.left() != 0)
    return fail_equal(Status::ProgPatch, "bytes after the last patch", parts.left(), 0);
  adapter.certificate = certify_adapter(base, adapter);
  return {};
}

}  // namespace plasma::vm
