// SPDX-License-Identifier: Apache-2.0
// fuzz_program.cpp -- any sections: what the validator accepts flies, and its certificate is what a
// second look at it says.
#include "flight.hpp"
#include "program_bytes.hpp"

namespace plasma::test {
namespace {

void try_program(Bytes bytes) {
  const Sections sections = sections_from(bytes);
  vm::Program program, again;
  if (vm::validate(image_of(sections), program)) return;
  if (!fits(program.certificate)) return;
  require(!vm::validate(image_of(sections), again), "what is valid once is valid twice");
  Choices choices(bytes.data(), bytes.size());
  fly(program, choices);
}

}  // namespace
}  // namespace plasma::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ++plasma::test::tally.behind_signature;
  plasma::test::try_program({data, size});
  return 0;
}
