// SPDX-License-Identifier: Apache-2.0
// test_vm_format.cpp -- ISA.md rules 1 to 5 and 13: tables, fields and regions, one mutant a line.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using namespace sample;
using P = ProgramBuilder;

const float kNan = std::nanf("");

void resize(P& p, uint32_t section, size_t size) {
  p.edits.push_back([=](Sections& sections) { sections[section].resize(size); });
}
void grow(P& p, uint32_t section, int64_t by) { p.resize_section(section, by); }
void instruction(P& p, uint16_t op, size_t field, uint64_t value, size_t count) {
  p.poke(kProg, op * kInstructionBytes + field, value, count);
}
void tensor(P& p, uint16_t index, size_t field, uint64_t value, size_t count) {
  p.poke(kTens, index * kTensorBytes + field, value, count);
}
void port(P& p, size_t index, size_t field, uint64_t value, size_t count) {
  p.poke(kIo, index * kIoBytes + field, value, count);
}

const Mutant kTables[] = {
    {"no instruction", Status::ProgFormat, [](P& p) { resize(p, kProg, 0); }},
    {"half an instruction", Status::ProgFormat, [](P& p) { grow(p, kProg, -32); }},
    {"a byte after the instructions", Status::ProgFormat, [](P& p) { grow(p, kProg, 1); }},
    {"4,097 instructions", Status::ProgFormat, [](P& p) { resize(p, kProg, 4097 * 64); }},
    {"instruction flags", Status::ProgFormat, [](P& p) { instruction(p, kConcat, 2, 1, 2); }},
    {"instruction flags, high byte", Status::ProgFormat,
     [](P& p) { instruction(p, kConcat, 3, 0x80, 1); }},
    {"instruction reserved", Status::ProgFormat, [](P& p) { instruction(p, kPick, 6, 1, 2); }},
    {"no tensor", Status::ProgFormat, [](P& p) { resize(p, kTens, 0); }},
    {"one tensor", Status::ProgArity, [](P& p) { resize(p, kTens, 32); }},
    {"half a tensor", Status::ProgFormat, [](P& p) { grow(p, kTens, -16); }},
    {"a byte after the tensors", Status::ProgFormat, [](P& p) { grow(p, kTens, 1); }},
    {"8,193 tensors", Status::ProgFormat, [](P& p) { resize(p, kTens, 8193 * 32); }},
    {"dtype 0", Status::ProgFormat, [](P& p) { tensor(p, kY, 0, 0, 1); }},
    {"dtype 5", Status::ProgFormat, [](P& p) { tensor(p, kY, 0, 5, 1); }},
    {"rank 0", Status::ProgFormat, [](P& p) { tensor(p, kY, 1, 0, 1); }},
    {"rank 5", Status::ProgFormat, [](P& p) { tensor(p, kY, 1, 5, 1); }},
    {"storage 5", Status::ProgFormat, [](P& p) { tensor(p, kY, 2, 5, 1); }},
    {"tensor flags", Status::ProgFormat, [](P& p) { tensor(p, kY, 3, 1, 1); }},
    {"first reserved byte of a tensor", Status::ProgFormat, [](P& p) { tensor(p, kY, 26, 1, 1); }},
    {"last reserved byte of a tensor", Status::ProgFormat, [](P& p) { tensor(p, kY, 31, 1, 1); }},
    {"half an io", Status::ProgFormat, [](P& p) { grow(p, kIo, -48); }},
    {"a byte after the io", Status::ProgFormat, [](P& p) { grow(p, kIo, 1); }},
    {"65 io", Status::ProgFormat, [](P& p) { resize(p, kIo, 65 * 96); }},
    {"a name of no characters", Status::ProgFormat, [](P& p) { p.io[0].name = ""; }},
    {"a name without a zero", Status::ProgFormat,
     [](P& p) { p.io[0].name = std::string(32, 'a'); }},
    {"a name of 31 characters", Status::Ok, [](P& p) { p.io[0].name = std::string(31, 'a'); }},
    {"a control character", Status::ProgFormat, [](P& p) { p.io[0].name = "a\x1F"; }},
    {"a delete character", Status::ProgFormat, [](P& p) { p.io[0].name = "a\x7F"; }},
    {"the last printable character", Status::Ok, [](P& p) { p.io[0].name = " ~"; }},
    {"a byte after a name", Status::ProgFormat, [](P& p) { port(p, 0, 31, 'x', 1); }},
    {"a unit without a zero", Status::ProgFormat,
     [](P& p) { p.io[1].unit = std::string(16, 'm'); }},
    {"a unit of 15 characters", Status::Ok, [](P& p) { p.io[1].unit = std::string(15, 'm'); }},
    {"a unit that is not ASCII", Status::ProgFormat, [](P& p) { p.io[1].unit = "\xC2\xB5m"; }},
    {"direction 2", Status::ProgFormat, [](P& p) { port(p, 0, 32, 2, 1); }},
    {"dtype 0 of io", Status::ProgFormat, [](P& p) { port(p, 0, 33, 0, 1); }},
    {"dtype 5 of io", Status::ProgFormat, [](P& p) { port(p, 0, 33, 5, 1); }},
    {"unknown io flag", Status::ProgFormat, [](P& p) { port(p, 2, 34, 3, 1); }},
    {"an actuator that is an input", Status::ProgFormat, [](P& p) { port(p, 0, 34, 1, 1); }},
    {"io pad", Status::ProgFormat, [](P& p) { port(p, 0, 35, 1, 1); }},
    {"rank 0 of io", Status::ProgFormat, [](P& p) { port(p, 0, 36, 0, 4); }},
    {"rank 5 of io", Status::ProgFormat, [](P& p) { port(p, 0, 36, 5, 4); }},
    {"rank 257 of io", Status::ProgFormat, [](P& p) { port(p, 0, 36, 257, 4); }},
    {"io gap", Status::ProgFormat, [](P& p) { port(p, 0, 58, 1, 2); }},
    {"first reserved byte of io", Status::ProgFormat, [](P& p) { port(p, 0, 84, 1, 1); }},
    {"last reserved byte of io", Status::ProgFormat, [](P& p) { port(p, 0, 95, 1, 1); }},
    {"half a slot", Status::ProgFormat, [](P& p) { grow(p, kSlots, -8); }},
    {"slot reserved", Status::ProgFormat, [](P& p) { p.poke(kSlots, 15, 1, 1); }},
    {"1,025 slots", Status::ProgFormat, [](P& p) { resize(p, kSlots, 1025 * 16); }},
    {"a safe section of 7 bytes", Status::ProgFormat, [](P& p) { resize(p, kSafe, 7); }},
    {"a safe section without records", Status::ProgFormat, [](P& p) { resize(p, kSafe, 8); }},
    {"a safe section of 0 records", Status::ProgFormat,
     [](P& p) { resize(p, kSafe, 8), p.poke(kSafe, 0, 0, 4); }},
    {"0 safe records", Status::ProgFormat, [](P& p) { p.poke(kSafe, 0, 0, 4); }},
    {"65 safe records", Status::ProgFormat, [](P& p) { p.poke(kSafe, 0, 65, 4); }},
    {"safe reserved", Status::ProgFormat, [](P& p) { p.poke(kSafe, 4, 1, 4); }},
    {"safe record reserved", Status::ProgFormat, [](P& p) { p.poke(kSafe, 10, 1, 2); }},
    {"a safe record that ends early", Status::ProgFormat, [](P& p) { grow(p, kSafe, -1); }},
    {"a safe record without its last vector", Status::ProgFormat, [](P& p) { grow(p, kSafe, -4); }},
    {"64 safe records", Status::ProgSafe, [](P& p) { p.safe.resize(64, p.safe[1]); }},
    {"65 safe records and their bytes", Status::ProgFormat,
     [](P& p) { p.safe.resize(65, p.safe[1]); }},
    {"a byte after the safe records", Status::ProgFormat, [](P& p) { grow(p, kSafe, 1); }},
    {"a safe record of 2^32 - 1", Status::ProgFormat,
     [](P& p) { p.poke(kSafe, 12, UINT32_MAX, 4); }},
};

const Mutant kInstructions[] = {
    {"opcode 0", Status::ProgOpcode, [](P& p) { instruction(p, kPick, 0, 0, 2); }},
    {"the first opcode that is not", Status::ProgOpcode,
     [](P& p) { instruction(p, kPick, 0, vm::opcode_rows().size() + 1, 2); }},
    {"opcode 65,535", Status::ProgOpcode, [](P& p) { instruction(p, kPick, 0, 0xFFFF, 2); }},
    {"no operands", Status::ProgArity, [](P& p) { p.instructions[kPick].in = {}; }},
    {"9 operands", Status::ProgArity, [](P& p) { instruction(p, kConcat, 4, 9, 1); }},
    {"255 operands", Status::ProgArity, [](P& p) { instruction(p, kConcat, 4, 255, 1); }},
    {"fewer operands than are named", Status::ProgArity,
     [](P& p) { instruction(p, kConcat, 4, 1, 1); }},
    {"more operands than are named", Status::ProgArity,
     [](P& p) { instruction(p, kConcat, 4, 3, 1); }},
    {"0 outputs", Status::ProgArity, [](P& p) { instruction(p, kPick, 5, 0, 1); }},
    {"2 outputs", Status::ProgArity, [](P& p) { instruction(p, kPick, 5, 2, 1); }},
    {"no output named", Status::ProgArity, [](P& p) { instruction(p, kPick, 24, 0xFFFF, 2); }},
    {"a second output named", Status::ProgArity, [](P& p) { instruction(p, kPick, 26, 0, 2); }},
    {"a third output named", Status::ProgArity, [](P& p) { instruction(p, kPick, 28, 0, 2); }},
    {"a fourth output named", Status::ProgArity, [](P& p) { instruction(p, kPick, 30, 0, 2); }},
    {"an immediate nobody takes", Status::ProgArity, [](P& p) { p.instructions[kPick].imm = 1; }},
    {"an immediate of -0", Status::ProgArity, [](P& p) { p.instructions[kPick].imm = -0.0f; }},
    {"the least denormal immediate", Status::ProgArity,
     [](P& p) { instruction(p, kPick, 32, 1, 4); }},
    {"a second immediate", Status::ProgArity, [](P& p) { instruction(p, kPick, 36, 1, 4); }},
    {"an eighth immediate", Status::ProgArity, [](P& p) { instruction(p, kPick, 63, 1, 1); }},
    {"an operand beyond the tensors", Status::ProgArity,
     [](P& p) { p.instructions[kPick].in = {kTensors}; }},
    {"an operand far beyond the tensors", Status::ProgArity,
     [](P& p) { p.instructions[kPick].in = {0xFFFE}; }},
    {"an output beyond the tensors", Status::ProgArity,
     [](P& p) { p.instructions[kPick].out = kTensors; }},
};

const Mutant kDims[] = {
    {"a first dim of 0", Status::ProgDims, [](P& p) { tensor(p, kY, 4, 0, 4); }},
    {"an unused dim of 0", Status::ProgDims, [](P& p) { tensor(p, kY, 8, 0, 4); }},
    {"a first unused dim of 2", Status::ProgDims, [](P& p) { tensor(p, kY, 8, 2, 4); }},
    {"an unused dim of 2", Status::ProgDims, [](P& p) { tensor(p, kY, 16, 2, 4); }},
    {"2^28 elements are too far for the region only", Status::ProgBounds,
     [](P& p) { tensor(p, kMean, 4, 1u << 28, 4); }},
    {"2^28 + 1 elements", Status::ProgDims, [](P& p) { tensor(p, kY, 4, (1u << 28) + 1, 4); }},
    {"2^32 - 1 elements", Status::ProgDims, [](P& p) { tensor(p, kY, 4, UINT32_MAX, 4); }},
    {"65,537 times 65,536, which is 65,536 in 32 bits", Status::ProgDims,
     [](P& p) { p.tensors[kWo].dims = {65537, 65536}; }},
    {"2^16 four times, which is 0 in 64 bits", Status::ProgDims,
     [](P& p) { p.tensors[kWo].dims = {65536, 65536, 65536, 65536}; }},
    {"a dim of 0 of io", Status::ProgDims, [](P& p) { port(p, 0, 40, 0, 4); }},
    {"an unused dim of 2 of io", Status::ProgDims, [](P& p) { port(p, 0, 52, 2, 4); }},
    {"2^28 + 1 elements of io", Status::ProgDims, [](P& p) { port(p, 0, 40, (1u << 28) + 1, 4); }},
};

const Mutant kRegions[] = {
    {"a constant at 4", Status::ProgBounds, [](P& p) { p.tensors[kScale].offset = 68; }},
    {"a constant at 32", Status::ProgBounds, [](P& p) { p.tensors[kScale].offset = 96; }},
    {"a constant that ends one element late", Status::ProgBounds,
     [](P& p) { grow(p, kConstF32, -4); }},
    {"weights that end one byte late", Status::ProgBounds, [](P& p) { grow(p, kConstI8, -1); }},
    {"a constant beyond its region", Status::ProgBounds,
     [](P& p) { tensor(p, kMean, 20, 0xFFFFFFC0, 4); }},
    {"a constant of a dtype without a section", Status::ProgBounds,
     [](P& p) { tensor(p, kMean, 0, 2, 1); }},
    {"an arena tensor at 2", Status::ProgBounds, [](P& p) { p.tensors[kY].offset = 1002; }},
    {"an arena tensor that ends at 2^32", Status::ProgBounds,
     [](P& p) { p.tensors[kY].offset = 0xFFFFFFF0; }},
    {"an arena tensor that ends 4 below 2^32", Status::Ok,
     [](P& p) { p.tensors[kY].offset = 0xFFFFFFEC; }},
    {"inputs with a gap", Status::ProgBounds, [](P& p) { p.tensors[kCmd].offset = 28; }},
    {"inputs on each other", Status::ProgBounds, [](P& p) { p.tensors[kCmd].offset = 20; }},
    {"inputs in the wrong order", Status::ProgBounds,
     [](P& p) { p.tensors[kObs].offset = 8, p.tensors[kCmd].offset = 0; }},
    {"outputs with a gap", Status::ProgBounds, [](P& p) { p.tensors[kChoice].offset = 20; }},
    {"outputs on each other", Status::ProgBounds, [](P& p) { p.tensors[kChoice].offset = 12; }},
    {"states of 2^32 bytes", Status::ProgBounds,
     [](P& p) {
       for (int i = 0; i < 4; ++i) p.state(1u << 28);
     }},
    {"a first state at 4", Status::ProgBounds, [](P& p) { p.tensors[kH].offset = 4; }},
};

// Adds an output that copies obs, so that its record can be wrong on its own.
void add_echo(P& p) {
  const uint16_t echo = p.output("echo", 6);
  p.op(Opcode::Copy, echo, {kObs});
}

const Mutant kPorts[] = {
    {"one more output", Status::Ok, add_echo},
    {"an output without a record", Status::ProgIo, [](P& p) { add_echo(p), p.io.pop_back(); }},
    {"no io at all", Status::ProgIo, [](P& p) { p.io.clear(), p.safe.clear(); }},
    {"no outputs", Status::ProgIo, [](P& p) { p.io.resize(2), p.safe.clear(); }},
    {"a tensor named twice", Status::ProgIo, [](P& p) { add_echo(p), p.io.back().tensor = kAct; }},
    {"a tensor that does not exist", Status::ProgIo, [](P& p) { port(p, 0, 56, kTensors, 2); }},
    {"tensor 65,535", Status::ProgIo, [](P& p) { port(p, 0, 56, 0xFFFF, 2); }},
    {"an arena tensor as an output", Status::ProgIo, [](P& p) { port(p, 2, 56, kY, 2); }},
    {"an output called an input", Status::ProgIo, [](P& p) { add_echo(p), port(p, 4, 32, 0, 1); }},
    {"an input called an output", Status::ProgIo, [](P& p) { port(p, 1, 32, 1, 1); }},
    {"another dtype than its tensor", Status::ProgIo, [](P& p) { port(p, 2, 33, 4, 1); }},
    {"another rank than its tensor", Status::ProgIo, [](P& p) { port(p, 2, 36, 2, 4); }},
    {"other dims than its tensor", Status::ProgIo, [](P& p) { port(p, 2, 40, 5, 4); }},
    {"an input of i32", Status::ProgIo, [](P& p) { p.tensors[kObs].dtype = DType::I32; }},
    {"an output of f16", Status::ProgIo, [](P& p) { p.tensors[kAct].dtype = DType::F16; }},
    {"inputs in another order than their tensors", Status::ProgIo,
     [](P& p) { std::swap(p.io[0], p.io[1]); }},
    {"an output before an input", Status::ProgIo, [](P& p) { std::swap(p.io[1], p.io[2]); }},
    {"two inputs of one name", Status::ProgIo, [](P& p) { p.io[1].name = "obs"; }},
    {"an output named as an input", Status::ProgIo, [](P& p) { p.io[2].name = "obs"; }},
    {"a range", Status::Ok, [](P& p) { p.io[0].low = -1, p.io[0].high = -1; }},
    {"a range that is empty", Status::ProgNumeric,
     [](P& p) { p.io[0].low = 1, p.io[0].high = 0.5f; }},
    {"a low that is not a number", Status::ProgNumeric, [](P& p) { p.io[0].low = kNan; }},
    {"a high that is infinite", Status::ProgNumeric, [](P& p) { p.io[0].high = INFINITY; }},
};

}  // namespace

TEST_CASE("the sample program that every mutant starts from is valid") {
  CHECK(code_of(program()) == "OK");
}

TEST_CASE("a table with a part record, a bad enumerator or a reserved bit is refused") {
  check(kTables);
}

TEST_CASE("an instruction with an unknown opcode or the wrong operands is refused") {
  check(kInstructions);
}

TEST_CASE("dims of zero, too many elements and products that wrap are refused") { check(kDims); }

TEST_CASE("a tensor that is misaligned or outside its region is refused") { check(kRegions); }

TEST_CASE("records of io that differ from the tensors are refused") { check(kPorts); }

TEST_CASE("every reserved byte of a record is looked at") {
  const auto refused = [](uint32_t section, size_t at) {
    P p = program();
    p.edits.push_back([=](Sections& sections) { sections[section].at(at) ^= 0x40; });
    return code_of(p) == "E_PROG_FORMAT" || code_of(p) == "E_PROG_ARITY";
  };
  for (size_t at = 36; at < 64; ++at) CHECK_MESSAGE(refused(kProg, at), "instruction byte ", at);
  for (size_t at = 26; at < 32; ++at) CHECK_MESSAGE(refused(kTens, at), "tensor byte ", at);
  for (size_t at = 84; at < 96; ++at) CHECK_MESSAGE(refused(kIo, at), "io byte ", at);
  for (size_t at = 12; at < 16; ++at) CHECK_MESSAGE(refused(kSlots, at), "slot byte ", at);
  for (size_t at = 4; at < 8; ++at) CHECK_MESSAGE(refused(kSafe, at), "safe byte ", at);
}

}  // namespace plasma::test
