// SPDX-License-Identifier: Apache-2.0
// test_vm_rules.cpp -- ISA.md rules 6 to 8, 10 to 12, 14 and
// 15: constants, lives, limits and slots, one mutant a line.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using namespace sample;
using P = ProgramBuilder;

const float kNan = std::nanf("");

// Shifts the constants of one section from tensor `index` on.
void shift(P& p, std::initializer_list<uint16_t> indices, uint32_t first, uint32_t step = 64) {
  for (const uint16_t index : indices) p.tensors[index].offset = first, first += step;
}
void set_value(P& p, uint16_t constant, size_t element, float value) {
  put(p.tensors[constant].values, element * 4, word_of(value), 4);
}

const Mutant kConstants[] = {
    {"a constant nobody uses", Status::ProgConstOrder, [](P& p) { p.constant({1}); }},
    {"weights nobody uses", Status::ProgConstOrder, [](P& p) { p.weights(1, 1, {1}, {1}); }},
    {"a constant nobody uses, on the bytes of another", Status::ProgConstOrder,
     [](P& p) { p.tensors[p.constant({0.1f})].offset = 0; }},
    {"two constants on the same bytes", Status::ProgConstOrder,
     [](P& p) { p.tensors[kScale].offset = 0; }},
    {"a constant before one that is used earlier", Status::Hole,
     [](P& p) { p.tensors[kMean].offset = 64, p.tensors[kScale].offset = 0; }},
    {"weights before those that are used earlier", Status::Hole,
     [](P& p) { p.tensors[kWi].offset = 64, p.tensors[kWh].offset = 0; }},
    {"a bias before the scales", Status::Hole,
     [](P& p) { p.tensors[kWiScale].offset = 192, p.tensors[kBi].offset = 128; }},
    {"bytes after the last constant", Status::ProgConstOrder,
     [](P& p) { p.resize_section(kConstF32, 4); }},
    {"bytes after the last weight", Status::ProgConstOrder,
     [](P& p) { p.resize_section(kConstI8, 1); }},
    {"a section of a dtype without tensors", Status::ProgConstOrder,
     [](P& p) { p.resize_section(kConstF16, 2); }},
    {"a section of i32 without tensors", Status::ProgConstOrder,
     [](P& p) { p.resize_section(kConstI32, 4); }},
    {"a first constant at 64", Status::Hole,
     [](P& p) {
       shift(p, {kMean, kScale, kWiScale, kBi, kWhScale, kWo, kBo, kGain, kOffset}, 64);
     }},
    {"a gap of 104", Status::Hole,
     [](P& p) { shift(p, {kScale, kWiScale, kBi, kWhScale, kWo, kBo, kGain, kOffset}, 128); }},
    {"a first byte of a gap", Status::Hole, [](P& p) { p.poke(kConstF32, 24, 1, 1); }},
    {"a last byte of a gap", Status::Hole, [](P& p) { p.poke(kConstF32, 63, 1, 1); }},
    {"a byte between weights", Status::Hole, [](P& p) { p.poke(kConstI8, 127, 0xFF, 1); }},
};

const Mutant kOrder[] = {
    {"an arena tensor read before it is written", Status::ProgSsa,
     [](P& p) { std::swap(p.instructions[kNormalize], p.instructions[kConcat]); }},
    {"an instruction that reads what it writes", Status::ProgSsa,
     [](P& p) { p.instructions[kConcat].in = {kNormal, kJoined}; }},
    {"an arena tensor nobody writes", Status::ProgSsa,
     [](P& p) { p.instructions[kConcat].in[0] = p.arena(6); }},
    {"a write to a constant", Status::ProgSsa, [](P& p) { p.instructions[kCarry].out = kMean; }},
    {"a write to scales", Status::ProgSsa, [](P& p) { p.instructions[kCarry].out = kWiScale; }},
    {"a write to an input", Status::ProgSsa, [](P& p) { p.instructions[kCarry].out = kCmd; }},
    {"an arena tensor written twice", Status::ProgSsa,
     [](P& p) { p.op(Opcode::Copy, kNext, {kH}); }},
    {"a state written twice", Status::ProgSsa, [](P& p) { p.op(Opcode::Copy, kH, {kNext}); }},
    {"an output written twice", Status::ProgSsa, [](P& p) { p.op(Opcode::Copy, kAct, {kY}); }},
    {"an output that is read", Status::ProgSsa, [](P& p) { p.instructions[kPick].in = {kAct}; }},
    {"a state read after it is written", Status::ProgSsa,
     [](P& p) { p.instructions[kHead].in[0] = kH; }},
    {"a state read by what writes it", Status::Ok,
     [](P& p) { p.instructions[kCarry] = {Opcode::Add, kH, {kNext, kH}, 0}; }},
    {"an arena tensor nobody reads", Status::ProgDead,
     [](P& p) { p.op(Opcode::Copy, p.arena(3), {kNext}); }},
    {"an arena tensor nobody names", Status::ProgDead, [](P& p) { p.arena(3); }},
    {"an input nobody reads", Status::ProgDead,
     [](P& p) { p.instructions[kConcat].in = {kNormal}; }},
    {"an input nobody names", Status::ProgIo,
     [](P& p) { p.add({.storage = Storage::Input, .dims = {1}}); }},
    {"a state nobody reads", Status::ProgDead,
     [](P& p) { p.op(Opcode::Copy, p.state(3), {kNext}); }},
    {"a state nobody writes", Status::ProgDead,
     [](P& p) { p.instructions.erase(p.instructions.begin() + kCarry), p.slots.clear(); }},
    {"an output nobody writes", Status::ProgDead, [](P& p) { p.instructions.pop_back(); }},
};

// The arena as the builder packs it: normal 0, joined 24, gi 56, gh 92, next 128, y 140.
const Mutant kArena[] = {
    {"a tensor on a dead one", Status::Ok, [](P& p) { p.tensors[kY].offset = 0; }},
    {"a tensor that ends where a live one begins", Status::Ok,
     [](P& p) { p.tensors[kY].offset = 112; }},
    {"a tensor that ends in a live one", Status::ProgArena,
     [](P& p) { p.tensors[kY].offset = 116; }},
    {"a tensor on a live one", Status::ProgArena, [](P& p) { p.tensors[kY].offset = 128; }},
    {"a tensor that begins in a live one", Status::ProgArena,
     [](P& p) { p.tensors[kY].offset = 136; }},
    {"a tensor around a live one", Status::ProgArena,
     [](P& p) { p.tensors[kGh].offset = 20, p.tensors[kGi].offset = 24; }},
    {"the output of concat on its operand", Status::ProgArena,
     [](P& p) { p.tensors[kJoined].offset = 0; }},
    {"the output of gru on its operand", Status::ProgArena,
     [](P& p) { p.tensors[kNext].offset = 56; }},
    {"the output of linear on its operand", Status::ProgArena,
     [](P& p) { p.tensors[kGi].offset = 24; }},
    {"the output of copy on its operand", Status::ProgArena,
     [](P& p) {
       const uint16_t again = p.arena(3, 128);
       p.op(Opcode::Copy, again, {kNext});
       p.op(Opcode::Copy, p.output("echo", 3), {again});
     }},
    {"an output over an operand that is read again", Status::ProgArena,
     [](P& p) {
       const uint16_t again = p.arena(4, 140);
       p.instructions.insert(p.instructions.begin() + kSquash, {Opcode::Relu, again, {kY}, 0});
       p.op(Opcode::Copy, p.output("echo", 4), {again});
     }},
    {"an output over an operand that is read for the last time", Status::Ok,
     [](P& p) {
       const uint16_t again = p.arena(4, 140);
       p.op(Opcode::Relu, again, {kY});
       p.op(Opcode::Copy, p.output("echo", 4), {again});
     }},
    {"an output over the end of such an operand", Status::ProgArena,
     [](P& p) {
       const uint16_t again = p.arena(4, 144);
       p.op(Opcode::Relu, again, {kY});
       p.op(Opcode::Copy, p.output("echo", 4), {again});
     }},
    {"an output over both its operands, which are one", Status::Ok,
     [](P& p) {
       const uint16_t again = p.arena(4, 140);
       p.op(Opcode::Mul, again, {kY, kY});
       p.op(Opcode::Copy, p.output("echo", 4), {again});
     }},
    {"an output over one operand and into the other", Status::ProgArena,
     [](P& p) {
       const uint16_t x = p.arena(8, 200), y = p.arena(4, 232), z = p.arena(8, 200);
       p.op(Opcode::Concat, x, {kY, kY});
       p.op(Opcode::Relu, y, {kY});
       p.op(Opcode::Mul, z, {x, x});
       p.tensors[y].offset = 228;
       p.op(Opcode::Copy, p.output("echo", 8), {z});
       p.op(Opcode::Copy, p.output("other", 4), {y});
     }},
};

const Mutant kNumbers[] = {
    {"a constant that is not a number", Status::ProgNumeric,
     [](P& p) { set_value(p, kMean, 5, kNan); }},
    {"a bias that is infinite", Status::ProgNumeric, [](P& p) { set_value(p, kBo, 0, -INFINITY); }},
    {"the largest float", Status::Ok, [](P& p) { set_value(p, kBo, 0, 0x1.fffffep127f); }},
    {"the next float, which is infinite", Status::ProgNumeric,
     [](P& p) { put(p.tensors[kBo].values, 0, 0x7F800000, 4); }},
    {"a weight of -128", Status::ProgNumeric, [](P& p) { p.tensors[kWi].values[71] = 0x80; }},
    {"a weight of -127", Status::Ok, [](P& p) { p.tensors[kWi].values[71] = 0x81; }},
    {"a scale of 0", Status::ProgNumeric, [](P& p) { set_value(p, kWiScale, 8, 0); }},
    {"a scale of -1", Status::ProgNumeric, [](P& p) { set_value(p, kWiScale, 8, -1); }},
    {"a scale that is not a number", Status::ProgNumeric,
     [](P& p) { set_value(p, kWiScale, 8, kNan); }},
    {"a scale that is infinite", Status::ProgNumeric,
     [](P& p) { set_value(p, kWiScale, 8, INFINITY); }},
    {"a scale that is denormal", Status::ProgNumeric,
     [](P& p) { set_value(p, kWiScale, 8, 0x1p-140f); }},
    {"a scale below 2^-40", Status::ProgNumeric,
     [](P& p) { set_value(p, kWiScale, 8, 0x1.fffffep-41f); }},
    {"a scale of 2^-40", Status::Ok, [](P& p) { set_value(p, kWiScale, 8, 0x1p-40f); }},
    {"a scale of 2^40", Status::Ok, [](P& p) { set_value(p, kWiScale, 8, 0x1p40f); }},
    {"a scale above 2^40", Status::ProgNumeric,
     [](P& p) { set_value(p, kWiScale, 8, 0x1.000002p40f); }},
};

const Mutant kScales[] = {
    {"weights without scales", Status::ProgShape, [](P& p) { p.tensors[kWi].scale = kUnused; }},
    {"scales beyond the tensors", Status::ProgShape, [](P& p) { p.tensors[kWi].scale = kTensors; }},
    {"scales that are the weights", Status::ProgShape, [](P& p) { p.tensors[kWi].scale = kWi; }},
    {"scales that are not constant", Status::ProgShape, [](P& p) { p.tensors[kWi].scale = kGi; }},
    {"scales that are a matrix", Status::ProgShape,
     [](P& p) { p.tensors[kWiScale].dims = {9, 1}; }},
    {"scales of i32", Status::ProgShape, [](P& p) { p.tensors[kWiScale].dtype = DType::I32; }},
    {"a scale too few", Status::ProgShape, [](P& p) { p.resize(kWiScale, 8); }},
    {"a scale too many", Status::ProgShape, [](P& p) { p.resize(kWiScale, 10); }},
    {"scales of a constant that is not i8", Status::ProgShape,
     [](P& p) { p.tensors[kBi].scale = kWiScale; }},
    {"scales of an arena tensor", Status::ProgShape, [](P& p) { p.tensors[kY].scale = kWiScale; }},
    {"an arena tensor of i8", Status::ProgShape, [](P& p) { p.tensors[kY].dtype = DType::I8; }},
    {"an arena tensor of f16", Status::ProgShape, [](P& p) { p.tensors[kY].dtype = DType::F16; }},
    {"a state of i32", Status::ProgShape, [](P& p) { p.tensors[kH].dtype = DType::I32; }},
};

void set_limit(Blob& values, float value) { put(values, 0, word_of(value), 4); }

const Mutant kLimits[] = {
    {"an actuator without limits", Status::ProgSafe, [](P& p) { p.safe.clear(); }},
    {"an actuator too few with limits", Status::ProgSafe, [](P& p) { p.safe.pop_back(); }},
    {"limits too many", Status::ProgSafe, [](P& p) { p.safe.push_back(p.safe[1]); }},
    {"limits without an actuator", Status::ProgSafe,
     [](P& p) { p.io[2].is_actuator = p.io[3].is_actuator = false; }},
    {"limits of an output that is no actuator", Status::ProgSafe,
     [](P& p) { p.io[3].is_actuator = false; }},
    {"limits in another order", Status::ProgSafe, [](P& p) { std::swap(p.safe[0], p.safe[1]); }},
    {"limits of an input", Status::ProgSafe, [](P& p) { p.safe[0].io_index = 0; }},
    {"limits of another count", Status::ProgSafe,
     [](P& p) { p.safe[0] = {2, Blob(12), Blob(12), Blob(12), Blob(12)}; }},
    {"limits of an i32 as large as its output", Status::ProgSafe,
     [](P& p) { p.safe[1] = {3, Blob(), Blob(), Blob(), Blob()}; }},
    {"a low above the safe action", Status::ProgSafe, [](P& p) { set_limit(p.safe[0].low, 0.1f); }},
    {"a high below the safe action", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].high, -0.1f); }},
    {"a high below it by the least denormal", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].high, -0x1p-149f); }},
    {"a low, a high and a safe action that are equal", Status::Ok,
     [](P& p) { set_limit(p.safe[0].low, 0), set_limit(p.safe[0].high, 0); }},
    {"a low that is not a number", Status::ProgSafe, [](P& p) { set_limit(p.safe[0].low, kNan); }},
    {"a high that is not a number", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].high, kNan); }},
    {"a safe action that is not a number", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].safe, kNan); }},
    {"a low that is infinite", Status::ProgSafe, [](P& p) { set_limit(p.safe[0].low, -INFINITY); }},
    {"a high that is infinite", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].high, INFINITY); }},
    {"the widest limits", Status::Ok,
     [](P& p) {
       set_limit(p.safe[0].low, -0x1.fffffep127f), set_limit(p.safe[0].high, 0x1.fffffep127f);
     }},
    {"a rate limit below 0", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].max_delta, -0x1p-149f); }},
    {"the widest rate limit", Status::Ok,
     [](P& p) { set_limit(p.safe[0].max_delta, 0x1.fffffep127f); }},
    {"a rate limit that is not a number", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].max_delta, kNan); }},
    {"a rate limit that is infinite", Status::ProgSafe,
     [](P& p) { set_limit(p.safe[0].max_delta, INFINITY); }},
    {"a rate limit of an i32", Status::ProgSafe, [](P& p) { set_limit(p.safe[1].max_delta, 1); }},
    {"a low above the safe action, of i32", Status::ProgSafe,
     [](P& p) { p.safe[1].low = words(Ints{2}); }},
    {"a high below the safe action, of i32", Status::ProgSafe,
     [](P& p) { p.safe[1].high = words(Ints{0}); }},
    {"a low, a high and a safe action that are equal, of i32", Status::Ok,
     [](P& p) { p.safe[1].low = words(Ints{1}), p.safe[1].high = words(Ints{1}); }},
    {"the widest limits of i32", Status::Ok,
     [](P& p) { p.safe[1].low = words(Ints{INT32_MIN}), p.safe[1].high = words(Ints{INT32_MAX}); }},
};

const Mutant kPlaces[] = {
    {"no slots", Status::Ok, [](P& p) { p.slots.clear(); }},
    {"a slot on an instruction that is not linear", Status::ProgSlot,
     [](P& p) { p.slots[0].op_index = kConcat; }},
    {"a slot beyond the program", Status::ProgSlot, [](P& p) { p.slots[1].op_index = kOps; }},
    {"slot 65,535", Status::ProgSlot, [](P& p) { p.slots[1].op_index = 0xFFFF; }},
    {"two slots on one instruction", Status::ProgSlot, [](P& p) { p.slots[1] = p.slots[0]; }},
    {"slots in another order", Status::ProgSlot, [](P& p) { std::swap(p.slots[0], p.slots[1]); }},
    {"a column too few", Status::ProgSlot, [](P& p) { p.slots[0].in = 7; }},
    {"a column too many", Status::ProgSlot, [](P& p) { p.slots[0].in = 9; }},
    {"a row too few", Status::ProgSlot, [](P& p) { p.slots[0].out = 8; }},
    {"a row too many", Status::ProgSlot, [](P& p) { p.slots[0].out = 10; }},
    {"a rank of 0", Status::ProgSlot, [](P& p) { p.slots[0].max_rank = 0; }},
    {"a rank of 1", Status::Ok, [](P& p) { p.slots[0].max_rank = 1; }},
    {"a rank of 1,024", Status::Ok, [](P& p) { p.slots[0].max_rank = 1024; }},
    {"a rank of 1,025", Status::ProgSlot, [](P& p) { p.slots[0].max_rank = 1025; }},
};

// x[cols] -> linear of one row -> y[1].
P dot(uint32_t cols, DType dtype, bool has_slot) {
  P p;
  const uint16_t x = p.input("x", cols);
  const uint16_t w = dtype == DType::I8 ? p.weights(1, cols, Weights(cols, 127), {1})
                                        : p.matrix(1, cols, Floats(cols, 1));
  p.op(Opcode::Linear, p.output("y", 1), {x, w});
  if (has_slot) p.slot(0, 1);
  return p;
}

}  // namespace

TEST_CASE("constants that overlap, hide bytes, or are out of order are refused") {
  check(kConstants);
}

TEST_CASE("a tensor is written once before it is read, and used") { check(kOrder); }

TEST_CASE("tensors that live at one time do not share a byte") { check(kArena); }

TEST_CASE("a constant that is not finite or a scale outside its range is refused") {
  check(kNumbers);
}

TEST_CASE("i8 weights have one scale a row, and nothing else has any") { check(kScales); }

TEST_CASE("an actuator has ordered, finite limits, and nothing else has any") { check(kLimits); }

TEST_CASE("a slot is a linear instruction with its columns and rows") { check(kPlaces); }

TEST_CASE("a slot is not on an addition, even of the columns and rows it says") {
  P p = one_op(Opcode::Add).program;
  p.slots.push_back({.op_index = 0, .max_rank = 1, .in = 1, .out = 2});
  CHECK(code_of(p) == "E_PROG_SLOT");
}

TEST_CASE("an int8 dot product has at most 66,572 terms, that of an adapter too") {
  CHECK(code_of(dot(66'572, DType::I8, true)) == "OK");
  CHECK(code_of(dot(66'573, DType::I8, false)) == "E_PROG_ACCUMULATOR");
  CHECK(code_of(dot(66'573, DType::F32, false)) == "OK");
  CHECK(code_of(dot(66'572, DType::F32, true)) == "OK");
  CHECK(code_of(dot(66'573, DType::F32, true)) == "E_PROG_ACCUMULATOR");
}

TEST_CASE("clamp limits are ordered and may be equal") {
  const auto verdict = [](float low, float high) {
    P p = one_op(Opcode::Clamp).program;
    p.tensors[1].values = words(Floats{0, low});
    p.tensors[2].values = words(Floats{0, high});
    return code_of(p);
  };
  CHECK(verdict(1, 1) == "OK");
  CHECK(verdict(1, 0x1.fffffep-1f) == "E_PROG_NUMERIC");
  CHECK(verdict(0x1p-148f, 0x1p-149f) == "E_PROG_NUMERIC");
}

TEST_CASE("the eps of a norm is at least 1e-12") {
  for (const Opcode opcode : {Opcode::LayerNorm, Opcode::RmsNorm}) {
    const auto verdict = [&](float eps) {
      P p = one_op(opcode).program;
      p.instructions[0].imm = eps;
      return code_of(p);
    };
    CHECK(verdict(1e-12f) == "OK");
    CHECK(verdict(std::nextafter(1e-12f, 0.0f)) == "E_PROG_NUMERIC");
    CHECK(verdict(0) == "E_PROG_NUMERIC");
    CHECK(verdict(-1) == "E_PROG_NUMERIC");
  }
}

}  // namespace plasma::test
