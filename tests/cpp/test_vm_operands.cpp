// SPDX-License-Identifier: Apache-2.0
// test_vm_operands.cpp -- rule 9: operands of another dtype, weights that are none, and which of
// several mistakes an error names.
#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

// What the error says was wrong; its code is E_PROG_SHAPE.
std::string place_of(const P& program) {
  const Sections sections = program.sections();
  vm::Program parsed;
  const Error error = vm::validate(image_of(sections), parsed);
  CHECK(std::string(status_code(error.status)) == "E_PROG_SHAPE");
  return error.where;
}

// Operand k of the instruction becomes a constant of i32, and what it was is copied elsewhere.
P with_i32(const OneOp& one, size_t k) {
  P p = one.program;
  uint16_t& operand = p.instructions[one.op].in[k];
  const TensorSpec was = p.tensors[operand];
  const uint16_t from = operand;
  operand = p.add({.dtype = DType::I32, .storage = Storage::Const, .dims = was.dims});
  p.tensors[operand].values.resize(p.tensors[operand].bytes());
  if (was.storage != Storage::Const)
    p.op(Opcode::Copy, p.image("echo", Storage::Output, was.dims), {from});
  return p;
}

P linear(uint16_t (*weights)(P& p)) {
  P p;
  const uint16_t x = p.input("x", 2);
  const uint16_t w = weights(p);
  p.op(Opcode::Linear, p.output("y", 3), {x, w});
  return p;
}

}  // namespace

TEST_CASE("every opcode refuses an operand of i32, bar the index of gather") {
  for (const vm::OpcodeRow& row : vm::opcode_rows()) {
    CAPTURE(row.name);
    const OneOp one = one_op(row.opcode);
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      if (one.program.tensors[one.program.instructions[one.op].in[k]].dtype != DType::F32) continue;
      const bool is_index = row.opcode == Opcode::Gather && k == 1;
      CHECK(code_of(with_i32(one, k)) == (is_index ? "OK" : "E_PROG_SHAPE"));
    }
  }
}

TEST_CASE("the index of a gather is neither i8 nor f16") {
  const auto gather_by = [](uint16_t (*constant)(P& p)) {
    OneOp one = one_op(Opcode::Gather);
    P& p = one.program;
    const uint16_t x = p.instructions[one.op].in[1];
    p.op(Opcode::Copy, p.output("echo", 2), {x});
    p.instructions[one.op].in[1] = constant(p);
    return code_of(p);
  };
  CHECK(gather_by([](P& p) { return p.constant({0, 1}); }) == "OK");
  CHECK(gather_by([](P& p) {
          const uint16_t index = p.weights(2, 1, {0, 1}, {1, 1});
          p.tensors[index].dims = {2};
          return index;
        }) == "E_PROG_SHAPE");
  CHECK(gather_by([](P& p) {
          return p.add(
              {.dtype = DType::F16, .storage = Storage::Const, .dims = {2}, .values = Blob(4)});
        }) == "E_PROG_SHAPE");
}

TEST_CASE("a linear over rows refuses rows of i32") {
  OneOp one;
  P& p = one.program;
  const uint16_t x = p.image("x", Storage::Input, {2, 5});
  p.op(Opcode::Linear, p.image("y", Storage::Output, {2, 1}), {x, p.matrix(1, 5, Floats(5, 1))});
  CHECK(code_of(p) == "OK");
  CHECK(code_of(with_i32(one, 0)) == "E_PROG_SHAPE");
}

TEST_CASE("a constant of i32 may hold any bytes") {
  P p = with_i32(one_op(Opcode::Gather), 1);
  p.tensors[p.instructions[0].in[1]].values[0] = 0x80;  // no weight could be that
  CHECK(code_of(p) == "OK");
}

TEST_CASE("the weights of linear are constants, and not of i32") {
  CHECK(code_of(linear([](P& p) { return p.matrix(3, 2, Floats(6, 1)); })) == "OK");
  CHECK(code_of(linear([](P& p) { return p.image("w", Storage::Input, {3, 2}); })) ==
        "E_PROG_SHAPE");
  CHECK(code_of(linear([](P& p) {
          const uint16_t w = p.matrix(3, 2, Floats(6, 1));
          p.tensors[w].dtype = DType::I32;
          return w;
        })) == "E_PROG_SHAPE");
}

TEST_CASE("the table of a gather has at most two dimensions") {
  P p;
  const uint16_t x = p.input("x", 2);
  const uint16_t table = p.constant(Floats(24, 1));
  p.tensors[table].dims = {2, 3, 4};
  p.op(Opcode::Gather, p.image("y", Storage::Output, {2, 3, 4}), {table, x});
  CHECK(code_of(p) == "E_PROG_SHAPE");
}

TEST_CASE("of several mistakes in an instruction the first is named") {
  P p = one_op(Opcode::Argmax).program;
  p.tensors[0].dims = {2, 1}, p.tensors[1].dtype = DType::F32;
  CHECK(place_of(p) == "operand is not an f32 vector: instruction");
  p = one_op(Opcode::Gru).program;
  ++p.tensors[0].dims[0], ++p.tensors[3].dims[0];
  CHECK(place_of(p) == "operand of instruction");
  p = one_op(Opcode::TopK).program;
  p.tensors[0].dims = {2, 1}, p.tensors[1].dims = {3};
  CHECK(place_of(p) == "operand is not an f32 vector: instruction");
  const auto wide = [](P& q) { return q.weights(3, 133'145, Weights(3 * 133'145, 1), {1, 1, 1}); };
  CHECK(place_of(linear(wide)) == "operand of instruction");
}

TEST_CASE("a tensor of i8 or f16 that is not constant is refused as that") {
  for (const DType dtype : {DType::I8, DType::F16}) {
    P p = sample::program();
    p.tensors[sample::kY].dtype = dtype;
    CHECK(place_of(p) == "only constants may be i8 or f16: tensor");
  }
}

TEST_CASE("scales one beyond the tensors are none") {
  P p = sample::program();
  p.tensors[sample::kWi].scale = sample::kTensors;
  CHECK(place_of(p) == "no scales: tensor");
}

TEST_CASE("a kernel larger than its padded image is refused as that") {
  P p = one_op(Opcode::MaxPool2d).program;
  p.instructions[0].imm = 5;
  CHECK(place_of(p) == "kernel of instruction");
}

}  // namespace plasma::test
