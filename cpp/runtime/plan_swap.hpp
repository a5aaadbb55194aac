// SPDX-License-Identifier: Apache-2.0
// plan_swap.hpp -- hands plans to the control thread, and
// takes the old ones back, without either side waiting.
//
// publish() and its caller's other work run off the control thread, one at a
// time; current() only on it. Old plans go onto a list that the next publish
// (or the destructor) frees: the control thread never frees anything.
#pragma once

#include <atomic>
#include <memory>

#include "vm/machine.hpp"

namespace plasma::runtime {

class PlanSwap {
 public:
  PlanSwap() noexcept = default;
  PlanSwap(const PlanSwap&) = delete;
  PlanSwap& operator=(const PlanSwap&) = delete;
  ~PlanSwap() {
    free_list(retired_.load());
    delete next_.load();
    delete current_;
  }

  // Makes `plan` the one that the next current() returns.
  void publish(vm::Plan&& plan) noexcept {
    free_list(retired_.exchange(nullptr, std::memory_order_acquire));
    auto* node = new Node{std::move(plan), nullptr};
    delete next_.exchange(node, std::memory_order_acq_rel);  // one that no tick ever picked up
  }

  // The plan to run now. At most two atomic exchanges, and only when there is a new one.
  const vm::Plan& current() noexcept {
    if (next_.load(std::memory_order_relaxed) != nullptr) adopt();
    return current_->plan;
  }

 private:
  struct Node {
    vm::Plan plan;
    Node* older;
  };

  void adopt() noexcept {
    Node* const old = std::exchange(current_, next_.exchange(nullptr, std::memory_order_acquire));
    if (old == nullptr) return;
    // Only this thread adds to the list, and publish() only
    // ever empties it: nothing can be lost in between.
    old->older = retired_.exchange(nullptr, std::memory_order_acquire);
    retired_.store(old, std::memory_order_release);
  }

  static void free_list(Node* node) noexcept {
    while (node != nullptr) delete std::exchange(node, node->older);
  }

  Node* current_ = nullptr;
  std::atomic<Node*> next_{nullptr};
  std::atomic<Node*> retired_{nullptr};
};

}  // namespace plasma::runtime
