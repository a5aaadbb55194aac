// SPDX-License-Identifier: Apache-2.0
// reference_machine.hpp -- runs a program from its description, in plain loops, as ISA.md sections
// 5 and 6 say. Slow, without tables, lanes or plans; it shares nothing with cpp/vm or cpp/kernels.
#pragma once

#include <algorithm>
#include <cmath>

#include "program_builder.hpp"
#include "reference_rules.hpp"

namespace plasma::test {

class ReferenceMachine {
 public:
  struct Adapter {
    AdapterBuilder builder;
    float gain = 1;
  };

  explicit ReferenceMachine(const ProgramBuilder& program, std::vector<Adapter> adapters = {})
      : program_(program), adapters_(std::move(adapters)), values_(program.tensors.size()) {
    for (size_t i = 0; i < values_.size(); ++i) {
      const TensorSpec& tensor = program.tensors[i];
      values_[i].resize(tensor.elements());
      if (tensor.storage == Storage::Const && tensor.dtype == DType::F32) {
        ByteReader reader(tensor.values);
        for (float& value : values_[i]) value = reader.f32();
      }
    }
  }

  // Outputs in order, as words; `fault` says whether they are the safe action.
  Blob tick(const Floats& inputs) {
    fault = false;
    size_t next = 0;
    for (const IoSpec& io : program_.io) {
      if (is_output(io)) continue;
      for (float& value : values_[io.tensor]) note(value = inputs.at(next++));
    }
    new_state_.clear();
    ++ticks_;
    for (size_t i = 0; i < program_.instructions.size() && !fault; ++i) run(i);
    if (!fault) {
      for (const auto& [tensor, value] : new_state_) values_[tensor] = value;
    }
    return outputs();
  }

  bool fault = false;
  uint64_t seed = 0;

 private:
  [[nodiscard]] bool is_output(const IoSpec& io) const {
    return program_.tensors[io.tensor].storage == Storage::Output;
  }
  void note(float value) { fault = fault || !std::isfinite(value); }

  void run(size_t index) {
    const InstructionSpec& op = program_.instructions[index];
    const Floats& x = op.in.empty() ? Floats{} : values_[op.in[0]];
    const TensorSpec& out = program_.tensors[op.out];
    Floats y(out.elements());
    if (op.opcode == Opcode::Uniform || op.opcode == Opcode::Normal) {
      const auto draw = op.opcode == Opcode::Uniform ? rules::uniform : rules::normal;
      for (size_t i = 0; i < y.size(); ++i) y[i] = draw(seed, ticks_ - 1, index, i);
    } else if (op.opcode == Opcode::Linear) {
      linear(index, y);
    } else if (op.opcode == Opcode::Concat) {
      y.clear();
      for (const uint16_t part : op.in) append_all(y, values_[part]);
    } else if (op.opcode == Opcode::LayerNorm || op.opcode == Opcode::RmsNorm ||
               op.opcode == Opcode::Softmax) {
      y.clear();
      for (const Floats& row : rows_of(op.in[0])) append_all(y, normal(op, row));
    } else if (op.opcode == Opcode::Attention) {
      attention(op, y);
    } else if (op.opcode == Opcode::Conv2d) {
      conv2d(op, y);
    } else if (op.opcode == Opcode::MaxPool2d || op.opcode == Opcode::AvgPool2d) {
      pool(op, y);
    } else if (op.opcode == Opcode::Strided) {
      strided(op, y);
    } else if (op.opcode == Opcode::Gather) {
      gather(op, y);
    } else if (op.opcode == Opcode::TopK) {
      top_k(x, y);
    } else if (op.opcode == Opcode::ReduceSum || op.opcode == Opcode::ReduceMean ||
               op.opcode == Opcode::ReduceMax) {
      reduce(op, y);
    } else if (op.opcode == Opcode::Argmax) {
      size_t best = 0;
      for (size_t i = 1; i < x.size(); ++i) best = x[i] > x[best] ? i : best;
      y[0] = static_cast<float>(best);
    } else {
      for (size_t i = 0; i < y.size(); ++i) y[i] = element(op, i);
    }
    for (const float value : y) note(value);
    (out.storage == Storage::State ? new_state_[op.out] : values_[op.out]) = y;
  }

  // The rows of a tensor's last dimension.
  [[nodiscard]] std::vector<Floats> rows_of(uint16_t tensor) const {
    const auto cols = static_cast<std::ptrdiff_t>(program_.tensors[tensor].dims.back());
    std::vector<Floats> rows;
    for (auto at = values_[tensor].begin(); at != values_[tensor].end(); at += cols) {
      rows.emplace_back(at, at + cols);
    }
    return rows;
  }

  Floats normal(const InstructionSpec& op, const Floats& x) {
    if (op.opcode == Opcode::Softmax) return softmax(x);
    return op.opcode == Opcode::RmsNorm ? rms_norm(op, x) : layer_norm(op, x);
  }

  static void append_all(Floats& y, const Floats& part) {
    y.insert(y.end(), part.begin(), part.end());
  }

  [[nodiscard]] float element(const InstructionSpec& op, size_t i) const {
    const auto in = [&](size_t k, size_t at) { return values_[op.in[k]][at]; };
    const float x = in(0, i);
    switch (op.opcode) {
      case Opcode::Add: return x + in(1, i);
      case Opcode::Sub: return x - in(1, i);
      case Opcode::Mul: return x * in(1, i);
      case Opcode::Normalize: return (x - in(1, i)) * in(2, i);
      case Opcode::Clamp: return rules::clamp(x, in(1, i), in(2, i));
      case Opcode::Squash: return rules::tanh(x) * in(1, i) + in(2, i);
      case Opcode::Relu: return rules::max(x, 0);
      case Opcode::LeakyRelu: return x > 0 ? x : op.imm * x;
      case Opcode::Elu: return x > 0 ? x : op.imm * (rules::exp(x) - 1);
      case Opcode::Silu: return x * rules::sigmoid(x);
      case Opcode::Sigmoid: return rules::sigmoid(x);
      case Opcode::Tanh: return rules::tanh(x);
      case Opcode::Copy: return x;
      case Opcode::Gru: {
        const size_t n = values_[op.in[2]].size();
        const float r = rules::sigmoid(in(0, i) + in(1, i));
        const float z = rules::sigmoid(in(0, n + i) + in(1, n + i));
        const float c = rules::tanh(r * in(1, 2 * n + i) + in(0, 2 * n + i));
        return z * (in(2, i) - c) + c;
      }
      case Opcode::Min: return rules::min(x, in(1, i));
      case Opcode::Max: return rules::max(x, in(1, i));
      case Opcode::Div: return x / in(1, i);
      case Opcode::Select: return x > 0 ? in(1, i) : in(2, i);
      case Opcode::Round: return rules::round(x);
      case Opcode::Abs: return rules::abs(x);
      case Opcode::Sqrt: return std::sqrt(x);
      case Opcode::Exp: return rules::exp(x);
      case Opcode::Softplus: return rules::softplus(x);
      case Opcode::Erf: return rules::erf(x);
      case Opcode::Log: return rules::log(x);
      case Opcode::Sin: return rules::sine(x, 0);
      case Opcode::Cos: return rules::sine(x, 1);
      case Opcode::LstmCell: {
        const size_t n = values_[op.in[2]].size();
        const auto gate = [&](size_t k) { return in(0, k * n + i) + in(1, k * n + i); };
        const float kept = rules::sigmoid(gate(1)) * in(2, i);
        return kept + rules::sigmoid(gate(0)) * rules::tanh(gate(2));
      }
      case Opcode::LstmHidden: {
        const size_t n = values_[op.in[2]].size();
        return rules::sigmoid(in(0, 3 * n + i) + in(1, 3 * n + i)) * rules::tanh(in(2, i));
      }
      default: return std::nanf("");
    }
  }

  Floats layer_norm(const InstructionSpec& op, const Floats& x) {
    const auto n = static_cast<float>(x.size());
    const float mean = rules::sum(x) / n;
    Floats centred = x;
    for (float& value : centred) value = value - mean;
    const float variance = rules::dot(centred.data(), centred.data(), x.size()) / n;
    note(variance);
    const float k = 1 / std::sqrt(variance + op.imm);
    Floats y;
    for (size_t i = 0; i < x.size(); ++i) {
      y.push_back((centred[i] * k) * values_[op.in[1]][i] + values_[op.in[2]][i]);
    }
    return y;
  }

  // Element k of y has the coordinates that k has in y's dims.
  void strided(const InstructionSpec& op, Floats& y) {
    std::vector<uint32_t> dims = program_.tensors[op.out].dims;
    dims.insert(dims.begin(), 4 - dims.size(), 1);
    for (size_t k = 0; k < y.size(); ++k) {
      int64_t at = immediate(op, 0);
      size_t rest = k;
      for (size_t axis = 4; axis > 0; --axis) {
        at += static_cast<int64_t>(rest % dims[axis - 1]) * immediate(op, axis);
        rest /= dims[axis - 1];
      }
      y[k] = values_[op.in[0]].at(static_cast<size_t>(at));
    }
  }

  void gather(const InstructionSpec& op, Floats& y) {
    const TensorSpec& table = program_.tensors[op.in[0]];
    const Floats& index = values_[op.in[1]];
    const size_t cols = y.size() / index.size();
    for (size_t k = 0; k < y.size(); ++k) {
      const float row = index[k / cols];
      if (!(row >= 0 && row < static_cast<float>(table.dims[0])) || row != std::floor(row)) {
        fault = true;
        return;
      }
      const size_t at = static_cast<size_t>(row) * cols + k % cols;
      y[k] = table.dtype == DType::I8 ? static_cast<float>(static_cast<int8_t>(table.values[at])) *
                                            values_[table.scale][static_cast<size_t>(row)]
                                      : values_[op.in[0]][at];
    }
  }

  void top_k(const Floats& x, Floats& y) {
    std::vector<size_t> order(x.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (const float value : x) note(value);
    if (fault) return;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
    for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(order[i]);
  }

  void reduce(const InstructionSpec& op, Floats& y) {
    const Floats& x = values_[op.in[0]];
    const size_t cols = x.size() / y.size();
    for (size_t r = 0; r < y.size(); ++r) {
      const Floats row(&x[r * cols], &x[r * cols] + cols);
      if (op.opcode == Opcode::ReduceMax) {
        for (const float value : row) note(value);
        y[r] = *std::max_element(row.begin(), row.end());
      } else {
        const float sum = rules::sum(row);
        y[r] = op.opcode == Opcode::ReduceSum ? sum : sum / static_cast<float>(cols);
      }
    }
  }

  // Element (row, col, c) of an image; nothing where that lies outside.
  template <class T>
  static std::optional<T> pixel(const std::vector<T>& image, const std::vector<uint32_t>& dims,
                                int64_t row, int64_t col, size_t c) {
    if (row < 0 || row >= dims[0] || col < 0 || col >= dims[1]) return {};
    return image[static_cast<size_t>((row * dims[1] + col) * dims[2]) + c];
  }
  static int64_t immediate(const InstructionSpec& op, size_t i) {
    return static_cast<int64_t>(i == 0 ? op.imm : op.more[i - 1]);
  }

  void conv2d(const InstructionSpec& op, Floats& y) {
    const std::vector<uint32_t>& x = program_.tensors[op.in[0]].dims;
    const TensorSpec& w = program_.tensors[op.in[1]];
    const std::vector<uint32_t>& out = program_.tensors[op.out].dims;
    const Weights weights(w.values.begin(), w.values.end());
    const Quantized quantized = quantize(values_[op.in[0]]);
    const size_t depth = w.dims[3], rows = w.dims[0] / (x[2] / depth);
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t r = i % out[2];
      const auto top = static_cast<int64_t>(i / out[2] / out[1]) * immediate(op, 0);
      const auto left = static_cast<int64_t>(i / out[2] % out[1]) * immediate(op, 1);
      int64_t sum = 0;
      for (size_t t = 0; t < w.dims[1] * w.dims[2] * depth; ++t) {
        const auto row = static_cast<int64_t>(t / depth / w.dims[2]) * immediate(op, 6);
        const auto col = static_cast<int64_t>(t / depth % w.dims[2]) * immediate(op, 7);
        const size_t c = r / rows * depth + t % depth;
        sum += weights[r * w.dims[1] * w.dims[2] * depth + t] *
               pixel(quantized.q, x, top - immediate(op, 2) + row, left - immediate(op, 3) + col, c)
                   .value_or(0);
      }
      const float bias = op.in.size() == 3 ? values_[op.in[2]][r] : 0;
      y[i] = static_cast<float>(sum) * (quantized.s * values_[w.scale][r]) + bias;
    }
  }

  void pool(const InstructionSpec& op, Floats& y) {
    const std::vector<uint32_t>& x = program_.tensors[op.in[0]].dims;
    const std::vector<uint32_t>& out = program_.tensors[op.out].dims;
    for (const float value : values_[op.in[0]]) {
      if (op.opcode == Opcode::MaxPool2d) note(value);
    }
    for (size_t i = 0; i < y.size(); ++i) {
      const auto top = static_cast<int64_t>(i / out[2] / out[1]) * immediate(op, 2);
      const auto left = static_cast<int64_t>(i / out[2] % out[1]) * immediate(op, 3);
      Floats seen;
      for (int64_t t = 0; t < immediate(op, 0) * immediate(op, 1); ++t) {
        const auto value =
            pixel(values_[op.in[0]], x, top - immediate(op, 4) + t / immediate(op, 1),
                  left - immediate(op, 5) + t % immediate(op, 1), i % out[2]);
        if (value) seen.push_back(*value);
      }
      float all = seen[0];
      for (size_t k = 1; k < seen.size(); ++k) {
        all = op.opcode == Opcode::MaxPool2d ? rules::max(seen[k], all) : all + seen[k];
      }
      y[i] = op.opcode == Opcode::MaxPool2d ? all : all / static_cast<float>(seen.size());
    }
  }

  Floats rms_norm(const InstructionSpec& op, const Floats& x) {
    const float mean = rules::dot(x.data(), x.data(), x.size()) / static_cast<float>(x.size());
    note(mean);
    const float k = 1 / std::sqrt(mean + op.imm);
    Floats y;
    for (size_t i = 0; i < x.size(); ++i) y.push_back((x[i] * k) * values_[op.in[1]][i]);
    return y;
  }

  // Of finite numbers the largest is one, in whatever order they are taken.
  static Floats softmax(const Floats& x) {
    const float m = *std::max_element(x.begin(), x.end());
    Floats y;
    for (const float value : x) y.push_back(rules::exp(value - m));
    const float k = 1 / rules::sum(y);
    for (float& value : y) value = value * k;
    return y;
  }

  void attention(const InstructionSpec& op, Floats& y) {
    const size_t width = program_.tensors[op.out].dims.back();
    const size_t n = width / static_cast<size_t>(op.imm);
    const std::vector<Floats> q = rows_of(op.in[0]), k = rows_of(op.in[1]), v = rows_of(op.in[2]);
    const auto part = [&](const std::vector<Floats>& rows, size_t row, size_t operand, size_t at) {
      return &rows[row][static_cast<size_t>(op.more[1 + operand]) + at];
    };
    y.clear();
    for (size_t t = 0; t < q.size(); ++t) {
      for (size_t head = 0; head < width; head += n) {
        Floats scores;
        for (size_t s = 0; s < k.size(); ++s) {
          scores.push_back(op.more[0] * rules::dot(part(q, t, 0, head), part(k, s, 1, head), n));
          if (op.in.size() < 4) continue;
          const std::vector<Floats> mask = rows_of(op.in[3]);
          scores[s] = scores[s] + mask[t % mask.size()][s];
        }
        for (const float score : scores) note(score);
        const Floats p = softmax(scores);
        for (size_t i = head; i < head + n; ++i) {
          y.push_back(0);
          for (size_t s = 0; s < v.size(); ++s) y.back() = y.back() + p[s] * *part(v, s, 2, i);
        }
      }
    }
  }

  struct Quantized {
    std::vector<int> q;  // less the zero of the grid
    float s = 0;
  };
  Quantized quantize(const Floats& x) {
    Quantized result{std::vector<int>(x.size()), 0};
    float low = 0, high = 0;
    for (const float value : x) {
      note(value);
      low = rules::max(-value, low), high = rules::max(value, high);
    }
    const float half = low * 0.5f + high * 0.5f;
    if (fault || half < 0x1p-100f) return result;
    const float v = 127 / half;
    for (size_t i = 0; i < x.size(); ++i) {
      result.q[i] = static_cast<int>((x[i] * v + rules::kM) - rules::kM);
    }
    result.s = half / 127;
    return result;
  }
  static float exact_dot(const int8_t* w, const std::vector<int>& q) {
    int64_t sum = 0;
    for (size_t i = 0; i < q.size(); ++i) sum += w[i] * q[i];
    return static_cast<float>(static_cast<int32_t>(sum));
  }

  // Row by row; an x that is not cut into rows of `cols` is one.
  void linear(size_t index, Floats& y) {
    const InstructionSpec& op = program_.instructions[index];
    const bool has_rows = program_.tensors[op.out].dims.size() > 1;
    y.clear();
    for (const Floats& x : has_rows ? rows_of(op.in[0]) : std::vector<Floats>{values_[op.in[0]]}) {
      append_all(y, linear_row(index, x));
    }
  }

  Floats linear_row(size_t index, const Floats& x) {
    const InstructionSpec& op = program_.instructions[index];
    const TensorSpec& w = program_.tensors[op.in[1]];
    const Weights weights(w.values.begin(), w.values.end());
    const Quantized quantized = w.dtype == DType::I8 ? quantize(x) : Quantized{};
    Floats y(w.dims[0]);
    for (size_t r = 0; r < y.size(); ++r) {
      const float bias = op.in.size() == 3 ? values_[op.in[2]][r] : 0;
      if (w.dtype == DType::I8) {
        const float acc = exact_dot(&weights[r * x.size()], quantized.q);
        y[r] = acc * (quantized.s * values_[w.scale][r]) + bias;
      } else {
        y[r] = rules::dot(&values_[op.in[1]][r * x.size()], x.data(), x.size()) + bias;
      }
    }
    for (const Adapter& adapter : adapters_) {
      if (adapter.gain == 0) continue;
      for (const LoraSpec& patch : adapter.builder.patches) {
        if (program_.slots[patch.slot].op_index == index) lora(patch, adapter.gain, quantize(x), y);
      }
    }
    return y;
  }

  void lora(const LoraSpec& patch, float gain, const Quantized& x, Floats& y) {
    Floats hidden(patch.rank);
    for (size_t r = 0; r < hidden.size(); ++r) {
      hidden[r] = exact_dot(&patch.a[r * x.q.size()], x.q) * (x.s * patch.a_scale[r]) + 0.0f;
    }
    const Quantized h = quantize(hidden);
    const float c = gain * patch.scale;
    for (size_t r = 0; r < y.size(); ++r) {
      y[r] = y[r] + exact_dot(&patch.b[r * hidden.size()], h.q) * ((c * h.s) * patch.b_scale[r]);
    }
    for (size_t r = 0; r < patch.bias.size(); ++r) y[r] = y[r] + gain * patch.bias[r];
  }

  // Section 5, steps 4 and 5.
  Blob outputs() {
    Blob words_out;
    size_t next = 0;
    for (const IoSpec& io : program_.io) {
      if (!is_output(io)) continue;
      const SafeSpec* safe = io.is_actuator ? &program_.safe[next++] : nullptr;
      const bool is_f32 = program_.tensors[io.tensor].dtype == DType::F32;
      for (size_t i = 0; i < values_[io.tensor].size(); ++i) {
        append(words_out, is_f32 ? action(io.tensor, safe, i) : choice(io.tensor, safe, i), 4);
      }
    }
    has_previous_ = true;
    return words_out;
  }
  static uint32_t word_at(const Blob& values, size_t i) {
    ByteReader reader(Bytes(values).subspan(i * 4, 4));
    return reader.u32();
  }
  static float float_at(const Blob& values, size_t i) {
    return std::bit_cast<float>(word_at(values, i));
  }
  uint32_t action(uint16_t tensor, const SafeSpec* safe, size_t i) {
    float y = values_[tensor][i];
    if (safe == nullptr) return fault ? 0 : word_of(y);
    y = rules::clamp(y, float_at(safe->low, i), float_at(safe->high, i));
    const float delta = float_at(safe->max_delta, i);
    float& previous = previous_[{tensor, i}];
    if (delta > 0 && has_previous_) y = rules::clamp(y, previous - delta, previous + delta);
    previous = fault ? float_at(safe->safe, i) : y;
    return word_of(previous);
  }
  uint32_t choice(uint16_t tensor, const SafeSpec* safe, size_t i) {
    if (fault) return safe == nullptr ? 0 : word_at(safe->safe, i);
    auto y = static_cast<int32_t>(values_[tensor][i]);
    if (safe == nullptr) return word_of(y);
    y = std::max(y, static_cast<int32_t>(word_at(safe->low, i)));
    return word_of(std::min(y, static_cast<int32_t>(word_at(safe->high, i))));
  }

  ProgramBuilder program_;
  std::vector<Adapter> adapters_;
  std::vector<Floats> values_;  // an index as the float of it
  std::map<uint16_t, Floats> new_state_;
  std::map<std::pair<uint16_t, size_t>, float> previous_;
  bool has_previous_ = false;
  uint64_t ticks_ = 0;
};

}  // namespace plasma::test
