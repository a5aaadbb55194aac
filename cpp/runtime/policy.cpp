// SPDX-License-Identifier: Apache-2.0
// policy.cpp -- the life of a policy: load once, step for ever, swap adapters in between.
//
// The only C++ that sees both packets and programs.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "packet/packet.hpp"
#include "plasma_edge/runtime.hpp"
#include "runtime/batch.hpp"
#include "runtime/board.hpp"
#include "runtime/claim.hpp"
#include "runtime/latency.hpp"
#include "runtime/plan_swap.hpp"
#include "runtime/self_test.hpp"
#include "runtime/step_clock.hpp"
#include "runtime/verified.hpp"
#include "vm/machine.hpp"
#include "vm/rules.hpp"

namespace plasma {
namespace {

struct Resident {
  std::string name;
  uint64_t cost_units = 0;
  double bound_us = 0;  // when there is a board
  DigestBytes digest{};
  vm::AdapterModel model;
};

// Of the middle half: the counter's steps average out, interrupts stay out.
double middle_mean(std::vector<uint64_t>& values) noexcept {
  std::sort(values.begin(), values.end());
  const size_t begin = values.size() / 4, end = values.size() - begin;
  uint64_t sum = 0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return static_cast<double>(sum) / static_cast<double>(end - begin);
}

Error cannot_lock() noexcept {
  return fail(Status::OutOfMemory, "lock_memory: more than this process may (ulimit -l)");
}

bool is_gain(float gain) noexcept { return gain >= 0 && gain <= 1; }

}  // namespace

struct Policy::Impl {
  // What load() leaves behind.
  packet::TrustStore trust;
  LoadOptions options;
  PacketInfo info;
  double base_bound_us = 0;  // when there is a board
  std::vector<IoInfo> inputs, outputs;
  vm::Program program;  // records only: what points into the packet is gone with it
  vm::Model model;

  // The control thread's.
  vm::Frame frame;
  runtime::Batch batch;
  std::atomic<bool> stepping{false};
  runtime::StepClock clock;
  runtime::Latency latency;

  runtime::PlanSwap swap;

  // Everyone else's, one at a time.
  mutable std::mutex mutex;
  std::vector<Resident> residents;  // in ascending order of digest
  std::vector<float> gains;         // theirs

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

  // The adapters that are resident now, and their gains.
  Error publish() noexcept {
    std::vector<const vm::AdapterModel*> models;
    for (const Resident& resident : residents) models.push_back(&resident.model);
    vm::AdapterSet set;
    if (Error error = vm::AdapterSet::build(models, set)) return error;
    if (options.lock_memory && !set.lock_memory()) return cannot_lock();
    swap.publish(model, std::move(set), gains);
    return {};
  }

  void insert(size_t place, Resident&& resident, float gain) noexcept {
    residents.insert(residents.begin() + static_cast<ptrdiff_t>(place), std::move(resident));
    gains.insert(gains.begin() + static_cast<ptrdiff_t>(place), gain);
  }
  Resident take(size_t place) noexcept {
    Resident resident = std::move(residents[place]);
    residents.erase(residents.begin() + static_cast<ptrdiff_t>(place));
    gains.erase(gains.begin() + static_cast<ptrdiff_t>(place));
    return resident;
  }

  // Its place among the residents; their number when there is none of that name.
  [[nodiscard]] size_t find(std::string_view name) const noexcept {
    const auto found =
        std::find_if(residents.begin(), residents.end(),
                     [name](const Resident& resident) { return resident.name == name; });
    return static_cast<size_t>(found - residents.begin());
  }

  [[nodiscard]] size_t place_of(const DigestBytes& digest) const noexcept {
    const auto after =
        std::find_if(residents.begin(), residents.end(),
                     [&](const Resident& resident) { return resident.digest > digest; });
    return static_cast<size_t>(after - residents.begin());
  }

  Error check_room(const Resident& next) noexcept {
    uint64_t cost = info.cost_units + next.cost_units;
    for (const Resident& resident : residents) {
      if (resident.name == next.name || resident.digest == next.digest)
        return fail(Status::NameTaken, "attach");
      cost += resident.cost_units;
    }
    if (residents.size() >= info.max_adapters) {
      return fail_at_most(Status::TooManyAdapters, "attached", residents.size() + 1,
                          info.max_adapters);
    }
    if (cost > options.max_cost_units)
      return fail_at_most(Status::Deadline, "cost_units", cost, options.max_cost_units);
    return check_deadline(next.bound_us);
  }

  // With what is resident, and `more`.
  [[nodiscard]] double bound_with(double more) const noexcept {
    double bound = base_bound_us + more;
    for (const Resident& resident : residents) bound += resident.bound_us;
    return bound;
  }
  Error check_deadline(double more) const noexcept {
    const auto bound_ns = static_cast<uint64_t>(bound_with(more) * 1e3);
    if (options.deadline_ns == 0 || !options.board || bound_ns <= options.deadline_ns) return {};
    return fail_at_most(Status::Deadline, "bound on a step in ns", bound_ns, options.deadline_ns);
  }

  // Alone on the base, gain 1, on a frame of its own.
  Error prove(const vm::AdapterModel& adapter, Bytes gold) noexcept {
    const vm::AdapterModel* const alone[] = {&adapter};
    const float gain[] = {1.0f};
    vm::AdapterSet set;
    if (Error error = vm::AdapterSet::build(alone, set)) return error;
    vm::Plan with(model, set);
    with.mix(gain);
    const vm::Plan without(model, set);
    return runtime::self_test(with, gold, &without);
  }
};

Policy::Policy(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Policy::~Policy() = default;

Error Policy::load(std::span<const uint8_t> packet, const Trust& trust, const LoadOptions& options,
                   std::unique_ptr<Policy>& policy) noexcept {
  const kernels::KernelTable* table = kernels::find(options.kernels);
  if (table == nullptr) return fail(Status::KernelTable, "kernels");
  auto impl = std::make_unique<Impl>();
  if (Error error = runtime::make_trust(trust, impl->trust)) return error;
  std::unique_ptr<packet::VerifiedPacket> verified;
  const packet::Request request = runtime::request_of(packet::Kind::Base, options);
  if (Error error = runtime::verify(packet, impl->trust, options, request, verified)) return error;
  impl->options = options;
  impl->options.kernels = table->name;  // the caller's string may go
  impl->info = runtime::info_of(*verified);
  if (Error error = runtime::validate_base(*verified, impl->program)) return error;
  if (options.board) impl->base_bound_us = runtime::bound_us(*options.board, impl->program);
  if (Error error = impl->check_deadline(0)) return error;
  if (Error error =
          vm::Model::build(impl->program, *table, options.max_memory_bytes, impl->model)) {
    return error;
  }
  impl->program.image = {};
  impl->program.safe.clear();
  runtime::describe_io(impl->program, impl->inputs, impl->outputs);
  if (Error error = impl->frame.allocate(impl->model)) return error;
  if (options.lock_memory && !(impl->model.lock_memory() && impl->frame.lock_memory()))
    return cannot_lock();
  impl->frame.seed = options.seed;

  const vm::AdapterSet none;
  if (Error error = runtime::self_test(vm::Plan(impl->model, none),
                                       verified->section(packet::Section::Gold), nullptr)) {
    return error;
  }
  if (Error error = impl->publish()) return error;
  impl->clock.calibrate();
  policy.reset(new Policy(std::move(impl)));
  return {};
}

StepResult Policy::step(const float* const* inputs, void* const* outputs) noexcept {
  Impl& self = *impl_;
  const runtime::Claim claim(self.stepping);
  if (!claim) return StepResult::Busy;
  const uint64_t begin = self.clock.now();

  self.read(self.frame, inputs, 0);
  const bool ok = vm::tick(self.swap.current(), self.frame);
  self.write(self.frame, outputs, 0);

  const uint64_t took = self.clock.ns_between(begin, self.clock.now());
  const bool late = self.options.deadline_ns != 0 && took > self.options.deadline_ns;
  self.latency.record(took, !ok, late);
  return ok ? StepResult::Ok : StepResult::Fault;
}

Error Policy::step_batch(size_t rows, const float* const* inputs, void* const* outputs,
                         const bool* starts) noexcept {
  Impl& self = *impl_;
  const runtime::Claim claim(self.stepping);
  if (!claim) return fail(Status::Busy, "step_batch");
  if (Error error = self.batch.resize(self.model, rows, self.frame.seed)) return error;
  std::vector<vm::Frame>& frames = self.batch.frames;
  for (size_t row = 0; row < rows; ++row) {
    if (starts != nullptr && starts[row]) frames[row].reset();
    self.read(frames[row], inputs, row);
  }
  vm::tick(self.swap.current(), frames, self.batch.peaks.data());
  for (size_t row = 0; row < rows; ++row) self.write(frames[row], outputs, row);
  return {};
}

Error Policy::profile(size_t rows, const float* const* inputs,
                      std::vector<OpTime>& times) noexcept {
  Impl& self = *impl_;
  const runtime::Claim claim(self.stepping);
  if (!claim) return fail(Status::Busy, "profile");
  vm::Frame frame;
  if (Error error = frame.allocate(self.model)) return error;
  const std::vector<vm::Instruction>& instructions = self.program.instructions;
  std::vector<uint64_t> clock(instructions.size() + 1);
  std::vector<std::vector<uint64_t>> took(instructions.size(), std::vector<uint64_t>(rows));
  for (size_t row = 0; row < rows; ++row) {
    self.read(frame, inputs, row);
    vm::profile(self.swap.current(), frame, runtime::StepClock::now, clock.data());
    for (size_t i = 0; i < took.size(); ++i)
      took[i][row] = self.clock.ns_between(clock[i], clock[i + 1]);
  }
  for (size_t i = 0; i < took.size(); ++i) {
    const auto code = static_cast<uint16_t>(instructions[i].opcode);
    times.push_back({.op = vm::find_opcode(code)->mnemonic,
                     .cost_units = vm::cost_of(self.program, instructions[i]),
                     .us = middle_mean(took[i]) / 1e3});
  }
  return {};
}

bool Policy::reset(std::optional<uint64_t> seed) noexcept {
  Impl& self = *impl_;
  const runtime::Claim claim(self.stepping);
  if (!claim) return false;
  self.frame.seed = seed.value_or(self.frame.seed);
  self.frame.reset();
  self.batch.reset(self.frame.seed);
  return true;
}

// Everything that takes time comes before the lock: set_gains never waits for it.
Error Policy::attach(std::span<const uint8_t> packet, std::string_view name, float gain) noexcept {
  Impl& self = *impl_;
  if (name.empty()) return fail(Status::Argument, "name");
  if (!is_gain(gain)) return fail(Status::Gain, "attach");
  std::unique_ptr<packet::VerifiedPacket> verified;
  packet::Request request = runtime::request_of(packet::Kind::Adapter, self.options);
  request.base_digest = &self.info.content_digest;
  if (Error error = runtime::verify(packet, self.trust, self.options, request, verified)) {
    return error;
  }
  const PacketInfo info = runtime::info_of(*verified);
  vm::AdapterProgram program;
  if (Error error = runtime::validate_adapter(self.program, *verified, program)) return error;
  Resident resident{.name = std::string(name),
                    .cost_units = info.cost_units,
                    .digest = info.content_digest,
                    .model = {}};
  if (self.options.board) resident.bound_us = runtime::bound_us(*self.options.board, program);
  if (Error error = vm::AdapterModel::build(self.program, program, self.model.table(),
                                            self.options.max_memory_bytes, resident.model)) {
    return error;
  }
  if (Error error = self.prove(resident.model, verified->section(packet::Section::Gold)))
    return error;

  const std::lock_guard lock(self.mutex);
  if (Error error = self.check_room(resident)) return error;
  const size_t place = self.place_of(resident.digest);
  self.insert(place, std::move(resident), gain);
  Error error = self.publish();
  if (error) static_cast<void>(self.take(place));
  return error;
}

Error Policy::detach(std::string_view name) noexcept {
  Impl& self = *impl_;
  const std::lock_guard lock(self.mutex);
  const size_t place = self.find(name);
  if (place == self.residents.size()) return fail(Status::UnknownName, "detach");
  const float gain = self.gains[place];
  Resident gone = self.take(place);
  Error error = self.publish();
  if (error) self.insert(place, std::move(gone), gain);
  return error;
}

Error Policy::set_gains(std::span<const NamedGain> gains) noexcept {
  Impl& self = *impl_;
  const std::lock_guard lock(self.mutex);
  for (const NamedGain& gain : gains) {
    if (self.find(gain.name) == self.residents.size())
      return fail(Status::UnknownName, "set_gains");
    if (!is_gain(gain.gain)) return fail(Status::Gain, "set_gains");
  }
  for (const NamedGain& gain : gains) self.gains[self.find(gain.name)] = gain.gain;
  self.swap.mix(self.gains);
  return {};
}

std::optional<double> Policy::bound_us() const noexcept {
  if (!impl_->options.board) return std::nullopt;
  const std::lock_guard lock(impl_->mutex);
  return impl_->bound_with(0);
}

const PacketInfo& Policy::info() const noexcept { return impl_->info; }
std::span<const IoInfo> Policy::inputs() const noexcept { return impl_->inputs; }
std::span<const IoInfo> Policy::outputs() const noexcept { return impl_->outputs; }
const char* Policy::kernels() const noexcept { return impl_->model.table().name; }
Stats Policy::stats() const noexcept { return impl_->latency.stats(); }

std::vector<AdapterInfo> Policy::adapters() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<AdapterInfo> adapters;
  for (size_t i = 0; i < impl_->residents.size(); ++i) {
    const Resident& resident = impl_->residents[i];
    adapters.push_back({resident.name, impl_->gains[i], resident.digest});
  }
  return adapters;
}

}  // namespace plasma
