// SPDX-License-Identifier: Apache-2.0
// test_vm_opcodes.cpp -- rule 9, for every row of opcodes.def: the right operands are accepted,
// each wrong one is refused. A new opcode fails here until one_op() knows it.
#include <algorithm>
#include <utility>

#include "mutants.hpp"

namespace plasma::test {
namespace {

using P = ProgramBuilder;

// Calls test(one_op, row) for every opcode.
template <class Test>
void for_each_opcode(Test test) {
  for (const vm::OpcodeRow& row : vm::opcode_rows()) {
    CAPTURE(row.name);
    const OneOp one = one_op(row.opcode);
    REQUIRE_MESSAGE(one.exists, "no test program has this opcode");
    test(one, row);
  }
}

std::string verdict_after(const OneOp& one, void (*change)(P&, InstructionSpec&)) {
  P p = one.program;
  change(p, p.instructions[one.op]);
  return code_of(p);
}

bool is_constant(const P& p, uint16_t tensor) {
  return p.tensors[tensor].storage == Storage::Const;
}

bool is_weights(const vm::OpcodeRow& row, size_t k) {
  return k == (row.opcode == Opcode::Gather ? 0 : 1) &&
         (row.opcode == Opcode::Linear || row.opcode == Opcode::Conv2d ||
          row.opcode == Opcode::Gather);
}

// y may have any shape that its elements fill.
bool gives_any_shape(const vm::OpcodeRow& row) {
  const Opcode opcodes[] = {Opcode::Concat,     Opcode::Strided,   Opcode::ReduceSum,
                            Opcode::ReduceMean, Opcode::ReduceMax, Opcode::Uniform,
                            Opcode::Normal};
  return std::find(std::begin(opcodes), std::end(opcodes), row.opcode) != std::end(opcodes);
}

// These take the elements of a tensor, whatever its shape.
bool reads_any_shape(const vm::OpcodeRow& row, size_t k) {
  return row.opcode == Opcode::Concat || row.opcode == Opcode::Strided ||
         (row.opcode == Opcode::Linear && k == 0);
}

// Puts operand k, an input, into the arena before the instruction; gives the index of the copy.
uint16_t move_to_arena(P& p, size_t k) {
  const uint16_t from = p.instructions.back().in[k];
  const uint16_t copy = p.image("", Storage::Arena, p.tensors[from].dims);
  p.instructions.back().in[k] = copy;
  p.instructions.insert(p.instructions.begin(), {Opcode::Copy, copy, {from}, 0});
  return copy;
}

}  // namespace

TEST_CASE("every opcode is accepted with the operands of its row") {
  for_each_opcode(
      [](const OneOp& one, const vm::OpcodeRow&) { CHECK(code_of(one.program) == "OK"); });
}

TEST_CASE("every opcode is found by its code, and no other code is found") {
  size_t known = 0;
  for (uint32_t code = 0; code <= 0xFFFF; ++code) {
    const vm::OpcodeRow* row = vm::find_opcode(static_cast<uint16_t>(code));
    if (row == nullptr) continue;
    ++known;
    CHECK(static_cast<uint32_t>(row->opcode) == code);
  }
  CHECK(known == vm::opcode_rows().size());
}

TEST_CASE("every opcode refuses one operand fewer than it needs and one more than it takes") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    P p = one.program;
    std::vector<uint16_t>& in = p.instructions[one.op].in;
    if (row.required > 0) {
      in.resize(size_t{row.required} - 1);
      CHECK(code_of(p) == "E_PROG_ARITY");
    }
    in.resize(size_t{row.required} + row.optional, 0);
    if (in.size() == 8) return;
    in.push_back(0);
    CHECK(code_of(p) == "E_PROG_ARITY");
  });
}

TEST_CASE("every opcode refuses immediates it does not take, and takes finite ones only") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    P p = one.program;
    if (row.immediates > 1) return;  // whole numbers: test_vm_windows, _moves and _tokens.cpp
    p.instructions[one.op].imm = 1;
    CHECK(code_of(p) == (row.immediates == 0 ? "E_PROG_ARITY" : "OK"));
    p.instructions[one.op].imm = INFINITY;
    CHECK(code_of(p) == (row.immediates == 0 ? "E_PROG_ARITY" : "E_PROG_NUMERIC"));
    p.instructions[one.op].imm = std::nanf("");
    CHECK(code_of(p) == (row.immediates == 0 ? "E_PROG_ARITY" : "E_PROG_NUMERIC"));
  });
}

TEST_CASE("every opcode refuses an output of another length, rank or dtype") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    const bool draws = row.required == 0;  // y as large as anyone likes
    CHECK(verdict_after(one, [](P& p, InstructionSpec& op) { ++p.tensors[op.out].dims[0]; }) ==
          (draws ? "OK" : "E_PROG_SHAPE"));
    CHECK(verdict_after(one, [](P& p, InstructionSpec& op) {
            p.tensors[op.out].dims.push_back(1);
          }) == (gives_any_shape(row) ? "OK" : "E_PROG_SHAPE"));
    CHECK(verdict_after(one, [](P& p, InstructionSpec& op) {
            DType& dtype = p.tensors[op.out].dtype;
            dtype = dtype == DType::F32 ? DType::I32 : DType::F32;
          }) == "E_PROG_SHAPE");
  });
}

TEST_CASE("every opcode refuses operands of another length, bar those that pick") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    const Opcode picks[] = {Opcode::Argmax, Opcode::TopK, Opcode::Strided};
    if (std::find(std::begin(picks), std::end(picks), row.opcode) != std::end(picks)) return;
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      TensorSpec& operand = p.tensors[p.instructions[one.op].in[k]];
      if (is_weights(row, k)) continue;
      ++operand.dims[0];
      if (operand.storage == Storage::Const) operand.values.resize(operand.bytes());
      CHECK(code_of(p) == "E_PROG_SHAPE");
    }
  });
}

TEST_CASE("every opcode refuses an operand of another rank, bar those that read any shape") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      if (is_weights(row, k)) continue;
      p.tensors[p.instructions[one.op].in[k]].dims.push_back(1);
      CHECK(code_of(p) == (reads_any_shape(row, k) ? "OK" : "E_PROG_SHAPE"));
    }
  });
}

TEST_CASE("every opcode refuses constants of i32 or f16 where it takes f32") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      TensorSpec& operand = p.tensors[p.instructions[one.op].in[k]];
      if (operand.storage != Storage::Const || is_weights(row, k)) continue;
      operand.dtype = DType::I32;
      CHECK(code_of(p) == "E_PROG_SHAPE");
      operand.dtype = DType::F16;
      operand.values.resize(operand.bytes());
      CHECK(code_of(p) == "E_PROG_SHAPE");
    }
  });
}

TEST_CASE("an operand that must be constant may not be an input") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow&) {
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      uint16_t& operand = p.instructions[one.op].in[k];
      if (!is_constant(p, operand) || p.tensors[operand].dims.size() != 1) continue;
      const uint32_t n = p.tensors[operand].dims[0];
      p.tensors[operand] = {.storage = Storage::Input, .dims = {n}};
      p.io.insert(p.io.end() - 1, {.name = "late", .tensor = operand});
      CHECK(code_of(p) == "E_PROG_SHAPE");
    }
  });
}

TEST_CASE("an operand that is not said to be constant may be one") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow&) {
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      if (is_constant(p, p.instructions[one.op].in[k])) continue;
      const uint16_t from = p.instructions[one.op].in[k];
      const TensorSpec x = p.tensors[from];
      const uint16_t constant = p.constant(Floats(x.elements(), 0.5f));
      p.tensors[constant].dims = x.dims;
      p.instructions[one.op].in[k] = constant;
      p.op(Opcode::Copy, p.image("echo", Storage::Output, x.dims), {from});
      CHECK(code_of(p) == "OK");
    }
  });
}

TEST_CASE("in place is for the opcodes that say so, exactly over one operand") {
  for_each_opcode([](const OneOp& one, const vm::OpcodeRow& row) {
    for (size_t k = 0; k < one.program.instructions[one.op].in.size(); ++k) {
      CAPTURE(k);
      P p = one.program;
      if (is_constant(p, p.instructions[one.op].in[k])) continue;
      const uint16_t x = move_to_arena(p, k);
      // Nothing copies an index out of the arena.
      if (row.opcode == Opcode::Argmax || row.opcode == Opcode::TopK) continue;
      InstructionSpec& op = p.instructions.back();
      const auto n = static_cast<uint32_t>(p.tensors[op.out].elements());
      const uint16_t y = p.image("", Storage::Arena, p.tensors[op.out].dims);
      const uint16_t out = std::exchange(op.out, y);
      p.op(Opcode::Copy, out, {y});
      p.tensors[x].offset = 64;
      const auto verdict_at = [&](uint32_t offset) {
        p.tensors[y].offset = offset;
        return code_of(p);
      };
      CHECK(verdict_at(64) == (row.in_place ? "OK" : "E_PROG_ARENA"));
      CHECK(verdict_at(60) == "E_PROG_ARENA");
      CHECK(verdict_at(68) == "E_PROG_ARENA");
      CHECK(verdict_at(64 - n * 4) == "OK");
      CHECK(verdict_at(64 + static_cast<uint32_t>(p.tensors[x].bytes())) == "OK");
    }
  });
}

TEST_CASE("linear takes i8 and f32 weights, with and without a bias") {
  for (const bool has_bias : {false, true}) {
    for (const bool is_i8 : {false, true}) {
      P p;
      const uint16_t x = p.input("x", 2);
      const uint16_t w =
          is_i8 ? p.weights(3, 2, Weights(6, 1), {1, 1, 1}) : p.matrix(3, 2, Floats(6, 1));
      std::vector<uint16_t> in = {x, w};
      if (has_bias) in.push_back(p.constant({0, 0, 0}));
      p.op(Opcode::Linear, p.output("y", 3), in);
      CHECK(code_of(p) == "OK");
    }
  }
}

TEST_CASE("the weights of linear are a constant matrix of its columns and rows") {
  const OneOp one = one_op(Opcode::Linear);
  const auto with_dims = [&](const std::vector<uint32_t>& dims) {
    P p = one.program;
    TensorSpec& w = p.tensors[p.instructions[0].in[1]];
    w.dims = dims;
    w.values.resize(w.bytes());
    p.tensors[w.scale].dims = {dims[0]};
    p.tensors[w.scale].values = words(Floats(dims[0], 1));
    return code_of(p);
  };
  CHECK(with_dims({3, 2}) == "OK");
  CHECK(with_dims({6}) == "E_PROG_SHAPE");
  CHECK(with_dims({3, 2, 1}) == "E_PROG_SHAPE");
  CHECK(with_dims({2, 2}) == "E_PROG_SHAPE");
  CHECK(with_dims({4, 2}) == "E_PROG_SHAPE");
  CHECK(with_dims({3, 1}) == "E_PROG_SHAPE");
  CHECK(with_dims({3, 3}) == "E_PROG_SHAPE");
}

TEST_CASE("concat takes eight vectors") {
  P p;
  std::vector<uint16_t> in;
  for (uint32_t i = 1; i <= 8; ++i) in.push_back(p.input("x" + std::to_string(i), i));
  p.op(Opcode::Concat, p.output("y", 36), in);
  CHECK(code_of(p) == "OK");
}

TEST_CASE("gru takes gates of three times its state") {
  P p = one_op(Opcode::Gru).program;
  p.resize(0, 5);
  CHECK(code_of(p) == "E_PROG_SHAPE");
  p.resize(0, 6);
  p.resize(1, 7);
  CHECK(code_of(p) == "E_PROG_SHAPE");
}

TEST_CASE("the halves of an lstm take gates of four times its state") {
  for (const Opcode opcode : {Opcode::LstmCell, Opcode::LstmHidden}) {
    P p = one_op(opcode).program;
    p.resize(0, 6);
    p.resize(1, 6);
    CHECK(code_of(p) == "E_PROG_SHAPE");
    p.resize(0, 8);
    CHECK(code_of(p) == "E_PROG_SHAPE");
    p.resize(1, 8);
    CHECK(code_of(p) == "OK");
  }
}

}  // namespace plasma::test
