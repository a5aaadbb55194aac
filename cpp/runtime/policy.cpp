// SPDX-License-Identifier: Apache-2.0
// policy.cpp -- the life of a policy: load once, step for ever, swap adapters in between.
//
// The only C++ that sees both packets and programs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>

#include "packet/packet.hpp"
#include "plasma_edge/runtime.hpp"
#include "runtime/latency.hpp"
#include "runtime/plan_swap.hpp"
#include "runtime/self_test.hpp"
#include "runtime/verified.hpp"
#include "vm/machine.hpp"

namespace plasma {
namespace {

uint64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

// Holds a flag for a scope; a second holder is refused, never made to wait.
class Claim {
 public:
  explicit Claim(std::atomic<bool>& flag) noexcept
      : flag_(flag), held_(!flag.exchange(true, std::memory_order_acquire)) {}
  ~Claim() {
    if (held_) flag_.store(false, std::memory_order_release);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  std::atomic<bool>& flag_;
  bool held_;
};

// Working memory of step_batch: a frame a row.
struct Batch {
  std::vector<vm::Frame> frames;
  std::vector<uint32_t> peaks;

  Error resize(const vm::Model& model, size_t rows) noexcept {
    if (frames.size() == rows) return {};
    frames = std::vector<vm::Frame>(rows);
    peaks.resize(rows);
    for (vm::Frame& frame : frames) {
      if (Error error = frame.allocate(model)) {
        frames.clear();
        return error;
      }
    }
    return {};
  }
};

struct Resident {
  std::string name;
  float gain = 0;
  uint64_t cost_units = 0;
  DigestBytes digest{};
  vm::AdapterModel model;
};

bool is_gain(float gain) noexcept { return gain >= 0 && gain <= 1; }

}  // namespace

struct Policy::Impl {
  // What load() leaves behind.
  Trust trust;
  LoadOptions options;
  PacketInfo info;
  std::vector<IoInfo> inputs, outputs;
  vm::Program program;  // records only: what points into the packet is gone with it
  vm::Model model;

  // The control thread's.
  vm::Frame frame;
  Batch batch;
  std::atomic<bool> stepping{false};
  runtime::Latency latency;

  runtime::PlanSwap swap;

  // Everyone else's, one at a time.
  mutable std::mutex mutex;
  std::vector<Resident> residents;  // in ascending order of digest

  // Row `row` of arrays that hold one element block per row.
  void read(vm::Frame& to, const float* const* arrays, size_t row) noexcept {
    uint8_t* input = to.input();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const size_t elements = inputs[i].elements;
      std::memcpy(input, arrays[i] + row * elements, elements * sizeof(float));
      input += elements * sizeof(float);
    }
  }
  void write(const vm::Frame& from, void* const* arrays, size_t row) noexcept {
    const uint8_t* output = from.output();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const size_t bytes = outputs[i].elements * sizeof(float);
      std::memcpy(static_cast<uint8_t*>(arrays[i]) + row * bytes, output, bytes);
      output += bytes;
    }
  }

  Error publish(std::span<const Resident> next) noexcept {
    std::vector<vm::ActiveAdapter> active;
    for (const Resident& resident : next) active.push_back({&resident.model, resident.gain});
    vm::Plan plan;
    if (Error error = vm::Plan::build(model, active, plan)) return error;
    swap.publish(std::move(plan));
    return {};
  }

  std::vector<Resident>::iterator find(std::string_view name) noexcept {
    return std::find_if(residents.begin(), residents.end(),
                        [name](const Resident& resident) { return resident.name == name; });
  }

  Error check_room(std::string_view name, const PacketInfo& adapter) noexcept {
    uint64_t cost = info.cost_units + adapter.cost_units;
    for (const Resident& resident : residents) {
      if (resident.name == name || resident.digest == adapter.content_digest)
        return fail(Status::NameTaken, "attach");
      cost += resident.cost_units;
    }
    if (residents.size() >= info.max_adapters) {
      return fail_at_most(Status::TooManyAdapters, "attached", residents.size() + 1,
                          info.max_adapters);
    }
    if (cost > options.max_cost_units)
      return fail_at_most(Status::Deadline, "cost_units", cost, options.max_cost_units);
    return {};
  }

  // Alone on the base, gain 1, on a frame of its own.
  Error prove(const vm::AdapterModel& adapter, Bytes gold) noexcept {
    const vm::ActiveAdapter alone{&adapter, 1.0f};
    vm::Plan with, without;
    if (Error error = vm::Plan::build(model, {&alone, 1}, with)) return error;
    if (Error error = vm::Plan::build(model, {}, without)) return error;
    return runtime::self_test(with, gold, &without);
  }
};

Policy::Policy(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Policy::~Policy() = default;

Error Policy::load(std::span<const uint8_t> packet, const Trust& trust, const LoadOptions& options,
                   std::unique_ptr<Policy>& policy) noexcept {
  const kernels::KernelTable* table = kernels::find(options.kernels);
  if (table == nullptr) return fail(Status::KernelTable, "kernels");
  std::unique_ptr<packet::VerifiedPacket> verified;
  if (Error error = runtime::verify(packet, trust, options, packet::Kind::Base, nullptr, verified))
    return error;

  auto impl = std::make_unique<Impl>();
  impl->trust = trust;
  impl->options = options;
  impl->options.kernels = table->name;  // the caller's string may go
  impl->info = runtime::info_of(*verified);
  if (Error error = runtime::validate_base(*verified, impl->program)) return error;
  if (Error error =
          vm::Model::build(impl->program, *table, options.max_memory_bytes, impl->model)) {
    return error;
  }
  impl->program.image = {};
  impl->program.safe.clear();
  runtime::describe_io(impl->program, impl->inputs, impl->outputs);
  if (Error error = impl->frame.allocate(impl->model)) return error;

  vm::Plan plan;
  if (Error error = vm::Plan::build(impl->model, {}, plan)) return error;
  if (Error error = runtime::self_test(plan, verified->section(packet::Section::Gold), nullptr))
    return error;
  impl->swap.publish(std::move(plan));
  policy.reset(new Policy(std::move(impl)));
  return {};
}

StepResult Policy::step(const float* const* inputs, void* const* outputs) noexcept {
  Impl& self = *impl_;
  const Claim claim(self.stepping);
  if (!claim) return StepResult::Busy;
  const uint64_t begin = now_ns();

  self.read(self.frame, inputs, 0);
  const bool ok = vm::tick(self.swap.current(), self.frame);
  self.write(self.frame, outputs, 0);

  const uint64_t took = now_ns() - begin;
  const bool late = self.options.deadline_ns != 0 && took > self.options.deadline_ns;
  self.latency.record(took, !ok, late);
  return ok ? StepResult::Ok : StepResult::Fault;
}

Error Policy::step_batch(size_t rows, const float* const* inputs, void* const* outputs,
                         const bool* starts) noexcept {
  Impl& self = *impl_;
  const Claim claim(self.stepping);
  if (!claim) return fail(Status::Busy, "step_batch");
  if (Error error = self.batch.resize(self.model, rows)) return error;
  std::vector<vm::Frame>& frames = self.batch.frames;
  for (size_t row = 0; row < rows; ++row) {
    if (starts != nullptr && starts[row]) frames[row].reset();
    self.read(frames[row], inputs, row);
  }
  vm::tick(self.swap.current(), frames, self.batch.peaks.data());
  for (size_t row = 0; row < rows; ++row) self.write(frames[row], outputs, row);
  return {};
}

bool Policy::reset() noexcept {
  const Claim claim(impl_->stepping);
  if (!claim) return false;
  impl_->frame.reset();
  for (vm::Frame& frame : impl_->batch.frames) frame.reset();
  return true;
}

Error Policy::attach(std::span<const uint8_t> packet, std::string_view name, float gain) noexcept {
  Impl& self = *impl_;
  const std::lock_guard lock(self.mutex);
  if (name.empty()) return fail(Status::Argument, "name");
  if (!is_gain(gain)) return fail(Status::Gain, "attach");
  std::unique_ptr<packet::VerifiedPacket> verified;
  if (Error error = runtime::verify(packet, self.trust, self.options, packet::Kind::Adapter,
                                    &self.info.content_digest, verified)) {
    return error;
  }
  const PacketInfo info = runtime::info_of(*verified);
  if (Error error = self.check_room(name, info)) return error;

  vm::AdapterProgram program;
  if (Error error = runtime::validate_adapter(self.program, *verified, program)) return error;
  Resident resident{.name = std::string(name),
                    .gain = gain,
                    .cost_units = info.cost_units,
                    .digest = info.content_digest,
                    .model = {}};
  if (Error error = vm::AdapterModel::build(self.program, program, self.model.table(),
                                            self.options.max_memory_bytes, resident.model)) {
    return error;
  }
  if (Error error = self.prove(resident.model, verified->section(packet::Section::Gold)))
    return error;

  const auto place =
      std::find_if(self.residents.begin(), self.residents.end(),
                   [&](const Resident& other) { return other.digest > resident.digest; });
  const auto added = self.residents.insert(place, std::move(resident));
  if (Error error = self.publish(self.residents)) {
    self.residents.erase(added);
    return error;
  }
  return {};
}

Error Policy::detach(std::string_view name) noexcept {
  Impl& self = *impl_;
  const std::lock_guard lock(self.mutex);
  const auto found = self.find(name);
  if (found == self.residents.end()) return fail(Status::UnknownName, "detach");
  const float gain = std::exchange(found->gain, 0.0f);
  if (Error error = self.publish(self.residents)) {
    found->gain = gain;
    return error;
  }
  self.residents.erase(found);
  return {};
}

Error Policy::set_gains(std::span<const NamedGain> gains) noexcept {
  Impl& self = *impl_;
  const std::lock_guard lock(self.mutex);
  for (const NamedGain& gain : gains) {
    if (self.find(gain.name) == self.residents.end()) return fail(Status::UnknownName, "set_gains");
    if (!is_gain(gain.gain)) return fail(Status::Gain, "set_gains");
  }
  std::vector<float> before;
  for (const Resident& resident : self.residents) before.push_back(resident.gain);
  for (const NamedGain& gain : gains) self.find(gain.name)->gain = gain.gain;
  if (Error error = self.publish(self.residents)) {
    for (size_t i = 0; i < before.size(); ++i) self.residents[i].gain = before[i];
    return error;
  }
  return {};
}

const PacketInfo& Policy::info() const noexcept { return impl_->info; }
std::span<const IoInfo> Policy::inputs() const noexcept { return impl_->inputs; }
std::span<const IoInfo> Policy::outputs() const noexcept { return impl_->outputs; }
const char* Policy::kernels() const noexcept { return impl_->model.table().name; }
Stats Policy::stats() const noexcept { return impl_->latency.stats(); }

std::vector<AdapterInfo> Policy::adapters() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<AdapterInfo> adapters;
  for (const Resident& resident : impl_->residents)
    adapters.push_back({resident.name, resident.gain, resident.digest});
  return adapters;
}

}  // namespace plasma
