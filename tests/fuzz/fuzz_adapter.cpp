// SPDX-License-Identifier: Apache-2.0
// fuzz_adapter.cpp -- any sections of an adapter, on a base with a part of every kind: what the
// validator accepts is attached and flies.
#include "flight.hpp"
#include "program_bytes.hpp"
#include "sample_programs.hpp"

namespace plasma::test {
namespace {

struct Base {
  Sections sections = sample::program().sections();
  vm::Program program;
  Base() { require(!vm::validate(image_of(sections), program), "the sample program is accepted"); }
};

void try_adapter(Bytes bytes) {
  static const Base base;
  const Sections sections = sections_from(bytes);
  vm::AdapterProgram adapter;
  if (vm::validate_adapter(base.program, adapter_image_of(sections), adapter)) return;
  Choices choices(bytes.data(), bytes.size());
  fly(base.program, choices, {&adapter});
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ++plasma::test::tally.behind_signature;
  plasma::test::try_adapter({data, size});
  return 0;
}
