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
}

bool tick(const Plan& plan, Frame& frame) noexcept {
  const FrameLayout& layout = plan.model().layout();
  bool finite = false;
  {
    const DefaultFpMode pinned;
    finite = evaluate(plan, frame);
    limit_actions(plan.model(), frame, !finite);
  }
  if (finite && layout.state_bytes > 0) {
    std::memcpy(frame.data() + layout.state, frame.data() + layout.next_state, layout.state_bytes);
  }
  std::memcpy(frame.data() + layout.previous, frame.data() + layout.output, layout.output_bytes);
  frame.has_previous = true;
  return finite;
}

}  // namespace plasma::vm
