// SPDX-License-Identifier: Apache-2.0
// tick.cpp -- one tick from inputs to outputs: evaluate, make safe, commit (ISA.md, section 5).
#include <cstring>

#include "vm/fp_env.hpp"
#include "vm/machine.hpp"

namespace plasma::vm {

Error Frame::allocate(const Model& model) noexcept {
  layout_ = model.layout();
  if (!block_.allocate(layout_.size)) return fail(Status::OutOfMemory, "frame");
  has_previous = false;
  return {};
}

void Frame::reset() noexcept {
  std::memset(block_.data() + layout_.state, 0, layout_.state_bytes);
  has_previous = false;
  ticks = 0;
}

namespace {

// The action is final: keep it, and the state if there was no fault.
void commit(const FrameLayout& layout, Frame& frame, bool finite) noexcept {
  if (finite && layout.state_bytes > 0) {
    std::memcpy(frame.data() + layout.state, frame.data() + layout.next_state, layout.state_bytes);
  }
  std::memcpy(frame.data() + layout.previous, frame.data() + layout.output, layout.output_bytes);
  frame.has_previous = true;
  ++frame.ticks;
}

}  // namespace

bool tick(const Plan& plan, Frame& frame) noexcept {
  bool finite = false;
  {
    const DefaultFpMode pinned;
    finite = evaluate(plan, frame);
    limit_actions(plan.model(), frame, !finite);
  }
  commit(plan.model().layout(), frame, finite);
  return finite;
}

void tick(const Plan& plan, std::span<Frame> frames, uint32_t* peaks) noexcept {
  const DefaultFpMode pinned;
  evaluate(plan, frames, peaks);
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool finite = peaks[i] <= kernels::kMaxFinite;
    limit_actions(plan.model(), frames[i], !finite);
    commit(plan.model().layout(), frames[i], finite);
  }
}

void profile(const Plan& plan, const Frame& frame, Clock now, uint64_t* times) noexcept {
  const DefaultFpMode pinned;
  evaluate(plan, frame, now, times);
}

}  // namespace plasma::vm
