// SPDX-License-Identifier: Apache-2.0
// board.cpp -- times programs of one instruction with cold caches, and adds such times up.
//
// Robots tick at 50 to 1000 Hz and everything else runs in between, so the times that count are
// those of a tick that finds nothing in the caches.
#include "runtime/board.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "runtime/step_clock.hpp"
#include "vm/machine.hpp"
#include "vm/rules.hpp"
#include "vm/window.hpp"

namespace plasma {
namespace {

constexpr size_t kRuns = 40;
constexpr size_t kUsual = kRuns * 9 / 10;       // the time that nine of ten runs keep to
constexpr size_t kEvictingBytes = 32ull << 20;  // more than first- and second-level caches hold
constexpr double kPatchLinears = 2;             // a patch is two products

WorkClass class_of(const vm::Program& program, const vm::Instruction& instruction) noexcept {
  if (instruction.opcode == vm::Opcode::Linear) {
    const bool is_i8 = program.tensors[instruction.in[1]].dtype == vm::DType::I8;
    return is_i8 ? WorkClass::LinearI8 : WorkClass::LinearF32;
  }
  if (instruction.opcode == vm::Opcode::Conv2d) return WorkClass::Conv2d;
  return vm::has_window(instruction.opcode) ? WorkClass::Pool : WorkClass::Other;
}

// A program of one instruction on zeros, as the validator would leave it.
class Probe {
 public:
  using Dims = std::initializer_list<uint32_t>;

  explicit Probe(vm::Opcode opcode) noexcept { instruction_.opcode = opcode; }

  Probe& input(Dims dims) { return operand(vm::Storage::Input, vm::DType::F32, dims); }
  Probe& constant(Dims dims) { return operand(vm::Storage::Const, vm::DType::F32, dims); }
  Probe& weights(Dims dims) {
    operand(vm::Storage::Const, vm::DType::I8, dims);
    program_.tensors.back().scale = static_cast<uint16_t>(program_.tensors.size());
    add(vm::Storage::Const, vm::DType::F32, {*dims.begin()});
    return *this;
  }
  Probe& immediates(std::initializer_list<float> values) {
    std::copy(values.begin(), values.end(), instruction_.imm.begin());
    return *this;
  }
  Probe& output(Dims dims, vm::DType dtype = vm::DType::F32) {
    instruction_.out = static_cast<uint16_t>(program_.tensors.size());
    add(vm::Storage::Output, dtype, dims);
    program_.instructions = {instruction_};
    return *this;
  }

  // Zeros are where all its constants lie.
  const vm::Program& over(Bytes zeros) noexcept {
    program_.image.const_i8 = program_.image.const_f32 = zeros;
    return program_;
  }

 private:
  Probe& operand(vm::Storage storage, vm::DType dtype, Dims dims) {
    instruction_.in[instruction_.n_in++] = static_cast<uint16_t>(program_.tensors.size());
    add(storage, dtype, dims);
    return *this;
  }
  void add(vm::Storage storage, vm::DType dtype, Dims dims) {
    vm::Tensor tensor{.dtype = dtype, .storage = storage, .dims = {1, 1, 1, 1}};
    tensor.rank = static_cast<uint8_t>(dims.size());
    std::copy(dims.begin(), dims.end(), tensor.dims.begin());
    if (storage == vm::Storage::Input) {
      tensor.offset = input_bytes_;
      input_bytes_ += static_cast<uint32_t>(tensor.bytes());
    }
    program_.tensors.push_back(tensor);
  }

  vm::Program program_;
  vm::Instruction instruction_;
  uint32_t input_bytes_ = 0;
};

// Of each class a small and a large one, and of the many others those that are dear for their cost.
std::vector<Probe> probes() {
  using vm::Opcode;
  std::vector<Probe> all;
  for (const uint32_t n : {16u, 64u, 256u, 1024u}) {
    all.push_back(Probe(Opcode::Linear).input({n}).weights({n, n}).constant({n}).output({n}));
    all.push_back(Probe(Opcode::Tanh).input({n}).output({n}));
    all.push_back(Probe(Opcode::Copy).input({n}).output({n}));
    all.push_back(Probe(Opcode::Argmax).input({n}).output({1}, vm::DType::I32));
    all.push_back(Probe(Opcode::Gru).input({3 * n}).input({3 * n}).input({n}).output({n}));
    all.push_back(Probe(Opcode::LayerNorm)
                      .input({n})
                      .constant({n})
                      .constant({n})
                      .immediates({1e-5f})
                      .output({n}));
  }
  for (const uint32_t n : {16u, 64u, 256u})
    all.push_back(Probe(Opcode::Linear).input({n}).constant({n, n}).constant({n}).output({n}));
  for (const uint32_t n : {4u, 16u, 32u}) {
    all.push_back(Probe(Opcode::Conv2d)
                      .input({n, n, n})
                      .weights({n, 3, 3, n})
                      .constant({n})
                      .immediates({1, 1, 1, 1, 1, 1, 1, 1})
                      .output({n, n, n}));
    all.push_back(Probe(Opcode::MaxPool2d)
                      .input({n, n, n})
                      .immediates({2, 2, 2, 2, 0, 0, 0, 0})
                      .output({n / 2, n / 2, n}));
  }
  return all;
}

double usual_us(std::vector<uint64_t>& ns) noexcept {
  std::nth_element(ns.begin(), ns.begin() + kUsual, ns.end());
  return static_cast<double>(ns[kUsual]) / 1e3;
}

class ColdTimer {
 public:
  ColdTimer() : memory_(kEvictingBytes) {}

  Error time(const vm::Program& program, const kernels::KernelTable& table, double& op_us,
             double& rest_us) noexcept {
    vm::Model model;
    vm::Frame frame;
    if (Error error = vm::Model::build(program, table, UINT64_MAX, model)) return error;
    if (Error error = frame.allocate(model)) return error;
    const vm::AdapterSet none;
    const vm::Plan plan(model, none);
    std::vector<uint64_t> op, whole;
    for (size_t run = 0; run < kRuns; ++run) {
      uint64_t times[2];
      evict();
      vm::profile(plan, frame, runtime::StepClock::now, times);
      op.push_back(clock_.ns_between(times[0], times[1]));
      evict();
      const uint64_t begin = runtime::StepClock::now();
      static_cast<void>(vm::tick(plan, frame));
      whole.push_back(clock_.ns_between(begin, runtime::StepClock::now()));
    }
    op_us = usual_us(op);
    rest_us = std::max(0.0, usual_us(whole) - op_us);
    return {};
  }

 private:
  void evict() noexcept {
    for (size_t i = 0; i < memory_.size(); i += 64) ++memory_[i];
    clock_.calibrate();
  }

  std::vector<uint8_t> memory_;
  runtime::StepClock clock_;
};

// A class's rate: units by its largest probe, then the rest on top so that none takes longer.
Rate fit(std::span<const CostSample> samples, WorkClass work) noexcept {
  const CostSample* largest = nullptr;
  for (const CostSample& sample : samples) {
    if (sample.work == work && (largest == nullptr || sample.cost_units > largest->cost_units))
      largest = &sample;
  }
  if (largest == nullptr) return {};
  Rate rate{.us_per_unit = largest->us / static_cast<double>(largest->cost_units)};
  for (const CostSample& sample : samples) {
    if (sample.work != work) continue;
    const double rest = sample.us - rate.us_per_unit * static_cast<double>(sample.cost_units);
    rate.us_per_op = std::max(rate.us_per_op, rest);
  }
  return rate;
}

}  // namespace

Error measure_board(const char* kernels, Board& board, std::vector<CostSample>& samples) noexcept {
  const kernels::KernelTable* table = kernels::find(kernels);
  if (table == nullptr) return fail(Status::KernelTable, "kernels");
  const std::vector<uint8_t> zeros(2ull << 20);
  ColdTimer timer;
  for (Probe& probe : probes()) {
    const vm::Program& program = probe.over(zeros);
    const vm::Instruction& instruction = program.instructions[0];
    CostSample sample{.op = vm::find_opcode(static_cast<uint16_t>(instruction.opcode))->mnemonic,
                      .work = class_of(program, instruction),
                      .cost_units = vm::cost_of(program, instruction)};
    double rest_us = 0;
    if (Error error = timer.time(program, *table, sample.us, rest_us)) return error;
    board.us_per_step = std::max(board.us_per_step, rest_us);
    samples.push_back(sample);
  }
  for (size_t i = 0; i < kWorkClasses; ++i) board.rates[i] = fit(samples, WorkClass{i});
  return {};
}

namespace runtime {
namespace {

double time_of(const Board& board, WorkClass work, double ops, uint64_t cost_units) noexcept {
  const Rate& rate = board.rates[static_cast<size_t>(work)];
  return ops * rate.us_per_op + static_cast<double>(cost_units) * rate.us_per_unit;
}

}  // namespace

double bound_us(const Board& board, const vm::Program& base) noexcept {
  double sum = board.us_per_step;
  for (const vm::Instruction& instruction : base.instructions)
    sum += time_of(board, class_of(base, instruction), 1, vm::cost_of(base, instruction));
  return sum;
}

double bound_us(const Board& board, const vm::AdapterProgram& adapter) noexcept {
  const auto patches = static_cast<double>(adapter.patches.size());
  return time_of(board, WorkClass::LinearI8, kPatchLinears * patches,
                 adapter.certificate.cost_units);
}

}  // namespace runtime
}  // namespace plasma
