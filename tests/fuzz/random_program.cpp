// SPDX-License-Identifier: Apache-2.0
// random_program.cpp -- composes a program instruction by instruction; random_tensors.hpp has the
// operands, and arena_layout.hpp then finds their places.
#include "random_program.hpp"

#include <algorithm>

#include "arena_layout.hpp"
#include "random_tensors.hpp"

namespace plasma::test {
namespace {

Dims with_last(Dims dims, uint32_t last) {
  dims.back() = last;
  return dims;
}

class Composer : private RandomTensors {
 public:
  explicit Composer(Choices& choices) : RandomTensors(choices) {}

  ProgramBuilder compose() {
    input(shape());
    for (int i = choices_.within(0, 2); i > 0; --i) state(shape());
    const auto rows = vm::opcode_rows();
    for (int i = choices_.within(1, 10); i > 0; --i) {
      add(rows[static_cast<size_t>(choices_.within(0, static_cast<int>(rows.size()) - 1))].opcode);
    }
    carry_states();
    if (outputs_ == 0) copy_to_output();
    read_the_rest();
    describe_io();
    lay_out_arena(p_, choices_);
    return std::move(p_);
  }

 private:
  void add(Opcode opcode) {
    switch (opcode) {
      case Opcode::Linear: return linear();
      case Opcode::Add:
      case Opcode::Sub:
      case Opcode::Mul:
      case Opcode::Min:
      case Opcode::Max:
      case Opcode::Div: return elementwise(opcode, 1);
      case Opcode::Select: return elementwise(opcode, 2);
      case Opcode::Normalize:
      case Opcode::Squash:
      case Opcode::Clamp: return with_constants(opcode);
      case Opcode::LeakyRelu:
      case Opcode::Elu: return elementwise(opcode, 0, {choices_.ordinary()});
      case Opcode::Relu:
      case Opcode::Silu:
      case Opcode::Sigmoid:
      case Opcode::Tanh:
      case Opcode::Softmax:
      case Opcode::Abs:
      case Opcode::Sqrt:
      case Opcode::Exp:
      case Opcode::Softplus:
      case Opcode::Erf:
      case Opcode::Round:
      case Opcode::Log:
      case Opcode::Sin:
      case Opcode::Cos:
      case Opcode::Copy: return elementwise(opcode, 0);
      case Opcode::LayerNorm:
      case Opcode::RmsNorm: return norm(opcode);
      case Opcode::Gru: return gated(opcode, 3);
      case Opcode::LstmCell:
      case Opcode::LstmHidden: return gated(opcode, 4);
      case Opcode::Concat: return concat();
      case Opcode::Argmax: return void(emit(opcode, {1}, {vector()}, {}, DType::I32));
      case Opcode::TopK: return top_k();
      case Opcode::Conv2d: return conv2d();
      case Opcode::MaxPool2d:
      case Opcode::AvgPool2d: return pool(opcode);
      case Opcode::Attention: return attention();
      case Opcode::Strided: return strided();
      case Opcode::Gather: return gather();
      case Opcode::ReduceSum:
      case Opcode::ReduceMean:
      case Opcode::ReduceMax: return reduce(opcode);
      case Opcode::Uniform:
      case Opcode::Normal: return void(emit(opcode, shape(), {}));
    }
  }

  void elementwise(Opcode opcode, int others, const Floats& imm = {}) {
    const uint16_t x = any();
    const Dims wanted = dims(x);
    std::vector<uint16_t> in{x};
    for (int i = 0; i < others; ++i) in.push_back(like(wanted));
    emit(opcode, wanted, in, imm);
  }
  void with_constants(Opcode opcode) {
    const uint16_t x = any();
    const Dims wanted = dims(x);
    const uint16_t a = constant(wanted, -4, 0);
    emit(opcode, wanted, {x, a, constant(wanted, 0, 4)});
  }
  void norm(Opcode opcode) {
    const uint16_t x = any();
    const Dims row{dims(x).back()};
    std::vector<uint16_t> in{x, constant(row)};
    if (opcode == Opcode::LayerNorm) in.push_back(constant(row));
    emit(opcode, Dims(dims(x)), in, {choices_.coin() ? 1e-12f : 1e-5f});
  }
  void linear() {
    const uint16_t x = any();
    const bool has_rows = dims(x).size() > 1 && choices_.coin();
    const uint32_t cols = has_rows ? dims(x).back() : elements(x);
    const uint32_t rows = std::min(size(), 1 + kMostElements / cols);
    std::vector<uint16_t> in{x, matrix(rows, cols)};
    if (p_.tensors[in[1]].dtype == DType::I8) tables_.push_back(in[1]);
    if (choices_.coin()) in.push_back(constant({rows}));
    emit(Opcode::Linear, has_rows ? with_last(dims(x), rows) : Dims{rows}, in);
    if (p_.slots.size() < 4 && choices_.coin()) {
      p_.slot(static_cast<uint16_t>(p_.instructions.size() - 1),
              static_cast<uint16_t>(choices_.within(1, 6)));
    }
  }
  void gated(Opcode opcode, uint32_t gates) {
    const uint32_t n = size();
    const uint16_t gi = like({gates * n}), gh = like({gates * n});
    emit(opcode, {n}, {gi, gh, like({n})});
  }
  void concat() {
    std::vector<uint16_t> in{any()};
    uint32_t total = elements(in[0]);
    for (int i = choices_.within(0, 7); i > 0; --i) {
      const uint16_t next = any();
      if (total + elements(next) > kMostElements) break;
      in.push_back(next);
      total += elements(next);
    }
    const bool halves_it = total % 2 == 0 && choices_.coin();
    emit(Opcode::Concat, halves_it ? Dims{2, total / 2} : Dims{total}, in);
  }
  void reduce(Opcode opcode) {
    const uint16_t x = any();
    emit(opcode, {elements(x) / dims(x).back()}, {x});
  }
  void top_k() {
    const uint16_t x = vector();
    const uint32_t n = elements(x);
    emit(Opcode::TopK, {number(1, static_cast<int>(n))}, {x}, {}, DType::I32);
  }

  void strided() {
    const uint16_t x = any();
    const Dims y = choices_.coin() ? shape() : Dims(dims(x).rbegin(), dims(x).rend());
    emit(Opcode::Strided, y, {x}, walk(elements(x), y));
  }

  uint16_t table() {
    if (!tables_.empty() && choices_.coin()) return choices_.one_of(tables_);
    switch (choices_.within(0, 3)) {
      case 0: return constant({size()});
      case 1: return vector();
      default: return matrix(size(), number(1, 8));
    }
  }
  // At most so many numbers; made here, they name rows that exist.
  uint16_t index(uint32_t rows, uint32_t most) {
    std::vector<uint16_t> fitting = indices_;
    if (choices_.coin()) fitting = values_;
    std::erase_if(fitting, [&](uint16_t at) { return dims(at).size() > 1 || dims(at)[0] > most; });
    if (!fitting.empty() && choices_.coin()) return choices_.one_of(fitting);
    Ints numbers(number(1, static_cast<int>(std::min(most, 5u))));
    for (int32_t& i : numbers) i = choices_.within(0, static_cast<int>(rows) - 1);
    const Dims length{static_cast<uint32_t>(numbers.size())};
    const Floats floats(numbers.begin(), numbers.end());
    if (choices_.coin())
      return add_tensor({.storage = Storage::Const, .dims = length, .values = words(floats)});
    return add_tensor(
        {.dtype = DType::I32, .storage = Storage::Const, .dims = length, .values = words(numbers)});
  }
  void gather() {
    const uint16_t from = table();
    Dims of = dims(from);
    const uint16_t at = index(of[0], 1 + kMostElements / (elements(from) / of[0]));
    of[0] = elements(at);
    emit(Opcode::Gather, of, {from, at});
  }

  // ---- windows: along an axis, [kernel, stride, before, after, dilation, out]

  struct Axis {
    uint32_t kernel, stride, before, after, dilation, out;
  };
  Axis axis(uint32_t size, bool is_pool) {
    const uint32_t kernel = number(1, is_pool ? static_cast<int>(std::min(size, 4u)) : 3);
    const int most_pad = is_pool ? static_cast<int>(kernel) - 1 : 3;
    Axis a{
        kernel, number(1, 3), number(0, most_pad), number(0, most_pad), is_pool ? 1 : number(1, 2),
        0};
    const uint32_t extent = (kernel - 1) * a.dilation + 1;
    if (extent > a.before + size + a.after) a.after = extent - size - a.before;
    a.out = (a.before + size + a.after - extent) / a.stride + 1;
    return a;
  }
  uint16_t an_image() {
    std::vector<uint16_t> fitting;
    for (const uint16_t value : values_) {
      if (dims(value).size() == 3 && elements(value) <= 256) fitting.push_back(value);
    }
    return fitting.empty() || choices_.one_in(3) ? like(image()) : choices_.one_of(fitting);
  }
  void conv2d() {
    const uint16_t x = an_image();
    const Dims of = dims(x);
    const uint32_t groups = of[2] % 2 == 0 && choices_.coin() ? 2 : choices_.one_in(4) ? of[2] : 1;
    const uint32_t out = groups * number(1, groups > 4 ? 1 : 5);
    const Axis y = axis(of[0], false), z = axis(of[1], false);
    std::vector<uint16_t> in{x, weights({out, y.kernel, z.kernel, of[2] / groups})};
    if (choices_.coin()) in.push_back(constant({out}));
    emit(
        Opcode::Conv2d, {y.out, z.out, out}, in,
        floats({y.stride, z.stride, y.before, z.before, y.after, z.after, y.dilation, z.dilation}));
  }
  void pool(Opcode opcode) {
    const uint16_t x = an_image();
    const Dims of = dims(x);
    const Axis y = axis(of[0], true), z = axis(of[1], true);
    emit(opcode, {y.out, z.out, of[2]}, {x},
         floats({y.kernel, z.kernel, y.stride, z.stride, y.before, z.before, y.after, z.after}));
  }
  static Floats floats(const std::vector<uint32_t>& whole) { return {whole.begin(), whole.end()}; }

  void attention() {
    const uint32_t heads = number(1, 3), width = heads * size() % 40 / heads * heads + heads;
    const uint32_t tokens = number(1, 4), keys = choices_.one_in(4) ? size() : number(1, 4);
    std::vector<uint16_t> in;
    Floats imm{static_cast<float>(heads), choices_.ordinary()};
    for (const uint32_t rows : {tokens, keys, keys}) {
      const uint32_t first = number(0, 3);
      in.push_back(like({rows, first + width + number(0, 2)}));
      imm.push_back(static_cast<float>(first));
    }
    if (choices_.coin()) in.push_back(like(choices_.coin() ? Dims{tokens, keys} : Dims{keys}));
    emit(Opcode::Attention, {tokens, width}, in, imm);
  }

  // ---- the end

  // States are written last, so that whatever reads them comes before.
  void carry_states() {
    for (const uint16_t state : states_) {
      const uint16_t next = like(dims(state));
      if (!is_read_[state]) {
        write(Opcode::Add, state, {next, state});
      } else {
        write(Opcode::Copy, state, {next});
      }
      std::erase(values_, state);
    }
  }
  uint16_t output(const Dims& dims, DType dtype = DType::F32) {
    ++outputs_;
    return add_tensor({.dtype = dtype, .storage = Storage::Output, .dims = dims});
  }
  void copy_to_output() {
    const uint16_t x = any();
    write(Opcode::Copy, output(Dims(dims(x))), {x});
  }
  void read_the_rest() {
    std::vector<uint16_t> rest;
    for (const uint16_t value : values_) {
      if (!is_read_[value]) rest.push_back(value);
    }
    for (size_t i = 0; i < rest.size(); i += 8) {
      const std::vector<uint16_t> in(
          rest.begin() + static_cast<std::ptrdiff_t>(i),
          rest.begin() + static_cast<std::ptrdiff_t>(std::min(i + 8, rest.size())));
      uint32_t total = 0;
      for (const uint16_t value : in) total += elements(value);
      write(Opcode::Concat, output({total}), in);
    }
    for (const uint16_t at : indices_) {
      if (is_read_[at]) continue;
      const uint16_t from = constant({64});
      write(Opcode::Gather, output(Dims(dims(at))), {from, at});
    }
  }

  // In the order of section 1; some outputs drive actuators.
  void describe_io() {
    for (const Storage storage : {Storage::Input, Storage::Output}) {
      for (size_t i = 0; i < p_.tensors.size(); ++i) {
        if (p_.tensors[i].storage != storage) continue;
        p_.io.push_back({.name = "io" + std::to_string(i), .tensor = static_cast<uint16_t>(i)});
        if (storage == Storage::Output && choices_.coin()) actuate(p_.io.back());
      }
    }
  }
  void actuate(const IoSpec& io) {
    const uint32_t n = elements(io.tensor);
    if (p_.tensors[io.tensor].dtype == DType::I32) {
      p_.actuate<int32_t>(io.name, Ints(n, 0), Ints(n, 3), Ints(n, choices_.within(0, 3)));
    } else {
      p_.actuate<float>(io.name, Floats(n, -2), Floats(n, 1),
                        Floats(n, choices_.coin() ? -2.0f : 0.5f),
                        choices_.coin() ? Floats(n, 0.25f) : Floats{});
    }
  }

  std::vector<uint16_t> tables_;  // int8 weights of a linear
};

}  // namespace

ProgramBuilder random_program(Choices& choices) { return Composer(choices).compose(); }

}  // namespace plasma::test
