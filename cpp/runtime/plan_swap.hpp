// SPDX-License-Identifier: Apache-2.0
// plan_swap.hpp -- hands plans to the control thread, and takes the old ones back, without either
// side waiting.
//
// publish() and mix() run off the control thread, or on it, one at a time; current() only on it.
// Adapter sets that nothing flies any more go onto a list that the next publish (or the destructor)
// frees: the control thread never frees anything.
#pragma once

#include <atomic>
#include <utility>

#include "runtime/triple_buffer.hpp"
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

  // From the next current() on: `model` with the adapters of `set`, each with its gain.
  void publish(const vm::Model& model, vm::AdapterSet&& set,
               std::span<const float> gains) noexcept {
    free_list(retired_.exchange(nullptr, std::memory_order_acquire));
    newest_ = new Node(model, std::move(set));
    newest_->mix(gains);
    delete next_.exchange(newest_, std::memory_order_acq_rel);  // one that no tick ever picked up
  }

  // From the next current() on: the same adapters with these gains. Allocates nothing.
  void mix(std::span<const float> gains) noexcept { newest_->mix(gains); }

  // The plan to run now. Three atomic exchanges at most, and only when there is a new one.
  const vm::Plan& current() noexcept {
    if (next_.load(std::memory_order_relaxed) != nullptr) adopt();
    return current_->plans.front();
  }

 private:
  struct Node {
    Node(const vm::Model& model, vm::AdapterSet&& adapters) noexcept
        : set(std::move(adapters)), plans(model, set) {}

    void mix(std::span<const float> gains) noexcept {
      plans.back().mix(gains);
      plans.publish();
    }

    vm::AdapterSet set;
    TripleBuffer<vm::Plan> plans;
    Node* older = nullptr;
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

  Node* newest_ = nullptr;   // the writer's: current_, or on its way there
  Node* current_ = nullptr;  // the control thread's
  std::atomic<Node*> next_{nullptr};
  std::atomic<Node*> retired_{nullptr};
};

}  // namespace plasma::runtime
