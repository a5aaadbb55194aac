// SPDX-License-Identifier: Apache-2.0
// machine_rig.hpp -- a program from its description to a running tick, for one kernel table.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <deque>

#include "sample_programs.hpp"
#include "vm/machine.hpp"

namespace plasma::test {

constexpr uint64_t kNoCap = UINT64_MAX;

inline std::vector<const kernels::KernelTable*> all_tables() {
  const kernels::KernelTable* tables[16];
  return {tables, tables + kernels::available(tables, 16)};
}

// Calls test(table) for every table this CPU can run.
template <class Test>
void for_each_table(Test test) {
  for (const kernels::KernelTable* table : all_tables()) {
    INFO("kernels: " << std::string(table->name));
    test(*table);
  }
}

class Rig {
 public:
  explicit Rig(const Sections& sections, const kernels::KernelTable& table = kernels::kScalar)
      : sections_(sections) {
    REQUIRE(!vm::validate(image_of(sections_), program));
    REQUIRE(!vm::Model::build(program, table, kNoCap, model));
    REQUIRE(!frame.allocate(model));
    attach({});
  }
  explicit Rig(const ProgramBuilder& builder, const kernels::KernelTable& table = kernels::kScalar)
      : Rig(builder.sections(), table) {}
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  struct Adapter {
    AdapterBuilder builder;
    float gain = 1;
  };
  // Replaces the plan by one with these adapters, in this order.
  void attach(const std::vector<Adapter>& adapters) {
    std::deque<vm::AdapterModel> models;
    std::vector<const vm::AdapterModel*> residents;
    Floats gains;
    for (const Adapter& adapter : adapters) {
      const Sections sections = adapter.builder.sections();
      vm::AdapterProgram patches;
      REQUIRE(!vm::validate_adapter(program, adapter_image_of(sections), patches));
      REQUIRE(
          !vm::AdapterModel::build(program, patches, model.table(), kNoCap, models.emplace_back()));
      residents.push_back(&models.back());
      gains.push_back(adapter.gain);
    }
    attach(residents, gains);
  }
  void attach(const std::vector<const vm::AdapterModel*>& residents, const Floats& gains) {
    set = {};
    REQUIRE(!vm::AdapterSet::build(residents, set));
    plan = vm::Plan(model, set);
    plan.mix(gains);
  }

  Blob tick(const Floats& inputs) {
    REQUIRE(inputs.size() * sizeof(float) == model.layout().input_bytes);
    std::memcpy(frame.input(), inputs.data(), model.layout().input_bytes);
    fault = !vm::tick(plan, frame);
    return {frame.output(), frame.output() + model.layout().output_bytes};
  }
  [[nodiscard]] Blob state() const {
    const uint8_t* begin = frame.data() + model.layout().state;
    return {begin, begin + model.layout().state_bytes};
  }
  [[nodiscard]] size_t input_count() const { return model.layout().input_bytes / sizeof(float); }

  vm::Program program;
  vm::Model model;
  vm::AdapterSet set;
  vm::Plan plan{model, set};
  vm::Frame frame;
  bool fault = false;

 private:
  Sections sections_;
};

inline Floats floats_of(const Blob& words) {
  Floats values(words.size() / sizeof(float));
  std::memcpy(values.data(), words.data(), words.size());
  return values;
}

}  // namespace plasma::test
