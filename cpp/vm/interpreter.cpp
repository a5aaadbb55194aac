// SPDX-License-Identifier: Apache-2.0
// interpreter.cpp -- the hot path: one switch, one line an opcode.
//
// No bounds checks below: the validator proved for every instruction that
// its operands lie inside the frame or the constants, with the shapes its
// kernel takes. Add an opcode's proof (shapes.cpp) before its line here.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "vm/machine.hpp"
#include "vm/pick.hpp"
#include "vm/random.hpp"

namespace plasma::vm {
namespace {

// One evaluation in flight: where things are, and the
// largest exponent seen so far (kernels.hpp, `peak`).
class Evaluation {
 public:
  Evaluation(const Plan& plan, const Frame& frame, uint32_t peak = 0) noexcept
      : k_(plan.model().table()),
        plan_(plan),
        windows_(plan.model().windows()),
        walks_(plan.model().walks()),
        attentions_(plan.model().attentions()),
        layout_(plan.model().layout()),
        spaces_{frame.data(), plan.model().constants()},
        frame_(frame.data()),
        seed_(frame.seed),
        tick_(frame.ticks),
        measured_(frame.measured),
        peak_(peak) {}

  void run(const Op& op) noexcept {
    const float* const x = floats(op.x[0]);
    const int n = op.y.count;
    float* const y = floats_out(op.y.offset);
    switch (op.opcode) {
      case Opcode::Linear: linear(op); break;
      case Opcode::Add: k_.add(x, floats(op.x[1]), y, n); break;
      case Opcode::Sub: k_.sub(x, floats(op.x[1]), y, n); break;
      case Opcode::Mul: k_.mul(x, floats(op.x[1]), y, n); break;
      case Opcode::Normalize: k_.normalize(x, floats(op.x[1]), floats(op.x[2]), y, n); break;
      case Opcode::Clamp: note(k_.clamp(x, floats(op.x[1]), floats(op.x[2]), y, n)); break;
      case Opcode::Squash: note(k_.squash(x, floats(op.x[1]), floats(op.x[2]), y, n)); break;
      case Opcode::Relu: note(k_.relu(x, y, n)); break;
      case Opcode::LeakyRelu: note(k_.leaky_relu(x, op.imm, y, n)); break;
      case Opcode::Elu: note(k_.elu(x, op.imm, y, n)); break;
      case Opcode::Silu: note(k_.silu(x, y, n)); break;
      case Opcode::Sigmoid: note(k_.sigmoid(x, y, n)); break;
      case Opcode::Tanh: note(k_.tanh(x, y, n)); break;
      case Opcode::LayerNorm:
        for_rows(op, [&](const float* from, float* to, int cols) {
          return k_.layer_norm(from, floats(op.x[1]), floats(op.x[2]), op.imm, to, cols);
        });
        break;
      case Opcode::Gru: note(k_.gru(x, floats(op.x[1]), floats(op.x[2]), y, n)); break;
      case Opcode::Concat: concat(op); break;
      case Opcode::Conv2d: conv2d(op); break;
      case Opcode::MaxPool2d: note(k_.max_pool2d(window(op), x, y)); break;
      case Opcode::AvgPool2d: k_.avg_pool2d(window(op), x, y); break;
      case Opcode::Copy: copy(x, y, n); break;
      case Opcode::Argmax: note(k_.argmax(x, ints_out(op.y.offset), op.x[0].count)); break;
      case Opcode::LstmCell: note(k_.lstm_cell(x, floats(op.x[1]), floats(op.x[2]), y, n)); break;
      case Opcode::LstmHidden:
        note(k_.lstm_hidden(x, floats(op.x[1]), floats(op.x[2]), y, n));
        break;
      case Opcode::Strided: k_.strided(walks_[op.walk], x, y); break;
      case Opcode::Gather: gather(op); break;
      case Opcode::ReduceSum: k_.reduce_sum(x, y, n, op.x[0].count / n); break;
      case Opcode::ReduceMean: k_.reduce_mean(x, y, n, op.x[0].count / n); break;
      case Opcode::ReduceMax: note(k_.reduce_max(x, y, n, op.x[0].count / n)); break;
      case Opcode::TopK: top_k(op); break;
      case Opcode::RmsNorm:
        for_rows(op, [&](const float* from, float* to, int cols) {
          return k_.rms_norm(from, floats(op.x[1]), op.imm, to, cols);
        });
        break;
      case Opcode::Softmax: for_rows(op, k_.softmax); break;
      case Opcode::Attention: attention(op); break;
      case Opcode::Min: note(k_.min(x, floats(op.x[1]), y, n)); break;
      case Opcode::Max: note(k_.max(x, floats(op.x[1]), y, n)); break;
      case Opcode::Div: note(k_.div(x, floats(op.x[1]), y, n)); break;
      case Opcode::Select: note(k_.select(x, floats(op.x[1]), floats(op.x[2]), y, n)); break;
      case Opcode::Round: k_.round(x, y, n); break;
      case Opcode::Abs: k_.abs(x, y, n); break;
      case Opcode::Sqrt: k_.sqrt(x, y, n); break;
      case Opcode::Exp: note(k_.exp(x, y, n)); break;
      case Opcode::Softplus: note(k_.softplus(x, y, n)); break;
      case Opcode::Erf: note(k_.erf(x, y, n)); break;
      case Opcode::Log: note(k_.log(x, y, n)); break;
      case Opcode::Sin: note(k_.sin(x, y, n)); break;
      case Opcode::Cos: note(k_.cos(x, y, n)); break;
      case Opcode::Uniform: uniform({seed_, tick_, op.stream}, y, n); break;
      case Opcode::Normal: normal(k_, {seed_, tick_, op.stream}, y, n); break;
    }
  }

  void note_inputs() noexcept {
    measured_ = noted(range_of_floats(layout_.input, layout_.input_bytes));
  }

  // Actions and the next state: what a tick may hand on only when it is finite.
  void note_results(std::span<const OutputSpec> outputs) noexcept {
    for (const OutputSpec& output : outputs) {
      if (output.is_f32) noted(k_.range(floats_out(output.offset), output.count));
    }
    if (layout_.state_bytes > 0) noted(range_of_floats(layout_.next_state, layout_.state_bytes));
  }

  [[nodiscard]] uint32_t peak() const noexcept { return peak_; }

 private:
  kernels::Range range_of_floats(uint32_t offset, size_t bytes) const noexcept {
    return k_.range(floats_out(offset), static_cast<int>(bytes / sizeof(float)));
  }
  void note(uint32_t peak) noexcept { peak_ = peak > peak_ ? peak : peak_; }
  kernels::Range noted(kernels::Range range) noexcept {
    note(kernels::peak_of(range));
    return range;
  }

  const void* at(const Operand& operand) const noexcept {
    return spaces_[operand.is_constant] + operand.offset;
  }
  const float* floats(const Operand& operand) const noexcept {
    return static_cast<const float*>(at(operand));
  }
  const float* constants(uint32_t offset) const noexcept { return floats({offset, 0, true}); }
  void* out(uint32_t offset) const noexcept { return frame_ + offset; }
  float* floats_out(uint32_t offset) const noexcept { return static_cast<float*>(out(offset)); }
  int32_t* ints_out(uint32_t offset) const noexcept { return static_cast<int32_t*>(out(offset)); }
  int8_t* bytes_out(uint32_t offset) const noexcept { return static_cast<int8_t*>(out(offset)); }

  static void copy(const float* x, float* y, int n) noexcept {
    std::memcpy(y, x, static_cast<size_t>(n) * sizeof(float));
  }

  kernels::Range range_of_x(const Op& op) noexcept {
    return noted(op.knows_range ? measured_ : k_.range(floats(op.x[0]), op.x[0].count));
  }

  void quantize_rows(const float* x, int cols, int rows, int8_t* q, kernels::Grid* grid) noexcept {
    for (int i = 0; i < rows; ++i, x += cols, q += kernels::padded_cols(cols))
      grid[i] = k_.quantize(x, cols, noted(k_.range(x, cols)), q);
  }

  // What an int8 layer gave. The relu that it did on its way could hide what is not finite.
  void keep(const Op& op, kernels::Range range) noexcept {
    measured_ = op.then == Opcode::Relu ? kernels::Range{0, noted(range).high} : range;
  }
  static float lower_limit(const Op& op) noexcept {
    return op.then == Opcode::Relu ? 0.0f : kernels::kUnlimited;
  }

  // Calls work(x, y, cols) for each row; it gives the peak.
  template <class Work>
  void for_rows(const Op& op, Work work) noexcept {
    const int cols = op.y.count / op.rows;
    const float* x = floats(op.x[0]);
    float* y = floats_out(op.y.offset);
    for (int i = 0; i < op.rows; ++i, x += cols, y += cols) note(work(x, y, cols));
  }

  // Each row of x, a token, is quantised on its own.
  void linear(const Op& op) noexcept {
    const int rows = op.y.count / op.rows, cols = op.x[0].count / op.rows;
    const float* x = floats(op.x[0]);
    float* y = floats_out(op.y.offset);
    kernels::Range all{};
    for (int left = op.rows; left > 0; left -= kernels::kMaxTokens) {
      const int tokens = std::min(left, kernels::kMaxTokens);
      const kernels::Range range = linear_tokens(op, x, y, {rows, cols, tokens});
      all = {std::max(all.low, range.low), std::max(all.high, range.high)};
      x += static_cast<size_t>(tokens) * static_cast<size_t>(cols);
      y += static_cast<size_t>(tokens) * static_cast<size_t>(rows);
    }
    if (op.is_i8) keep(op, all);
  }

  struct Shape {
    int rows, cols, tokens;
  };

  kernels::Range linear_tokens(const Op& op, const float* x, float* y, Shape shape) noexcept {
    const auto [rows, cols, tokens] = shape;
    const float* const bias = op.n_in == 3 ? floats(op.x[2]) : nullptr;
    int8_t* const q = bytes_out(layout_.quantized);
    const std::span<const Lora> loras =
        op.slot == kNone ? std::span<const Lora>{} : plan_.patches(op.slot);
    kernels::Grid grid[kernels::kMaxTokens];
    if (op.is_i8 || !loras.empty()) {
      if (op.rows == 1) {
        grid[0] = k_.quantize(x, cols, range_of_x(op), q);
      } else {
        quantize_rows(x, cols, tokens, q, grid);
      }
    }
    const float low = lower_limit(op);
    kernels::Range range{};
    if (op.is_i8) {
      const auto* w = static_cast<const int8_t*>(at(op.x[1]));
      range = k_.linear_i8(w, q, grid, constants(op.scale_offset), bias,
                           loras.empty() ? low : kernels::kUnlimited, y, rows, cols, tokens);
    } else {
      for (int t = 0; t < tokens; ++t)
        k_.linear_f32(floats(op.x[1]), x + t * cols, bias, y + t * rows, rows, cols);
    }
    for (const Lora& lora : loras)
      range = add_lora(lora, q, grid, &lora == &loras.back() ? low : kernels::kUnlimited, y, shape);
    return range;
  }

  // ISA.md, numerics 9, then max(.., low).
  kernels::Range add_lora(const Lora& lora, const int8_t* q, const kernels::Grid* grid, float low,
                          float* y, Shape shape) noexcept {
    const auto [rows, cols, tokens] = shape;
    float* const hidden = floats_out(layout_.lora_hidden);
    int8_t* const hidden_q = bytes_out(layout_.lora_quantized);
    const kernels::Range of_hidden =
        k_.linear_i8(lora.a, q, grid, lora.a_scale, nullptr, kernels::kUnlimited, hidden, lora.rank,
                     cols, tokens);
    kernels::Grid scaled[kernels::kMaxTokens];
    if (tokens == 1) {
      scaled[0] = k_.quantize(hidden, lora.rank, noted(of_hidden), hidden_q);
    } else {
      quantize_rows(hidden, lora.rank, tokens, hidden_q, scaled);
    }
    for (int t = 0; t < tokens; ++t) scaled[t].step = lora.c * scaled[t].step;
    const bool is_last = lora.bias == nullptr;
    const kernels::Range range =
        k_.accumulate_i8(lora.b, hidden_q, scaled, lora.b_scale,
                         is_last ? low : kernels::kUnlimited, y, rows, lora.rank, tokens);
    if (is_last) return range;
    for (int t = 0; t < tokens; ++t) k_.add_scaled(y + t * rows, lora.gain, lora.bias, rows);
    return limit(y, rows * tokens, low);
  }

  kernels::Range limit(float* y, int n, float low) noexcept {
    const kernels::Range range = k_.range(y, n);
    if (low == 0.0f) k_.relu(y, y, n);
    return range;
  }

  void attention(const Op& op) noexcept {
    const float* const mask = op.n_in == 4 ? floats(op.x[3]) : nullptr;
    note(k_.attention(attentions_[op.attention], floats(op.x[0]), floats(op.x[1]), floats(op.x[2]),
                      mask, floats_out(layout_.scores), floats_out(op.y.offset)));
  }

  const kernels::Window& window(const Op& op) const noexcept { return windows_[op.window]; }

  void conv2d(const Op& op) noexcept {
    const float* const bias = op.n_in == 3 ? floats(op.x[2]) : nullptr;
    keep(op, k_.conv2d_i8(window(op), static_cast<const int8_t*>(at(op.x[1])), floats(op.x[0]),
                          range_of_x(op), bytes_out(layout_.image), constants(op.scale_offset),
                          bias, lower_limit(op), floats_out(op.y.offset)));
  }

  void concat(const Op& op) noexcept {
    float* y = floats_out(op.y.offset);
    for (size_t i = 0; i < op.n_in; ++i) {
      copy(floats(op.x[i]), y, op.x[i].count);
      y += op.x[i].count;
    }
  }

  // ISA.md, section 5: an index that names no row is a fault.
  void gather(const Op& op) noexcept {
    const float* const scale = op.is_i8 ? constants(op.scale_offset) : nullptr;
    const int count = op.x[1].count;
    const Table table{at(op.x[0]), scale, op.rows, op.y.count / count};
    float* const y = floats_out(op.y.offset);
    const bool all_exist =
        op.is_i32 ? vm::gather(table, static_cast<const int32_t*>(at(op.x[1])), count, y)
                  : vm::gather(table, floats(op.x[1]), count, y);
    if (!all_exist) note(kernels::kMaxFinite + 1);
  }

  void top_k(const Op& op) noexcept {
    const float* const x = floats(op.x[0]);
    noted(k_.range(x, op.x[0].count));
    vm::top_k(x, op.x[0].count, ints_out(op.y.offset), op.y.count);
  }

  const kernels::KernelTable& k_;
  const Plan& plan_;
  std::span<const kernels::Window> windows_;
  std::span<const kernels::Walk> walks_;
  std::span<const kernels::Attention> attentions_;
  const FrameLayout& layout_;
  const uint8_t* spaces_[2];  // frame, constants
  uint8_t* frame_;
  uint64_t seed_, tick_;
  kernels::Range& measured_;
  uint32_t peak_;
};

bool is_finite(uint32_t peak) noexcept { return peak <= kernels::kMaxFinite; }

}  // namespace

bool evaluate(const Plan& plan, const Frame& frame) noexcept {
  Evaluation evaluation(plan, frame);
  evaluation.note_inputs();
  if (!is_finite(evaluation.peak())) return false;
  for (const Op& op : plan.ops()) evaluation.run(op);
  evaluation.note_results(plan.model().outputs());
  return is_finite(evaluation.peak());
}

void evaluate(const Plan& plan, const Frame& frame, Clock now, uint64_t* times) noexcept {
  Evaluation evaluation(plan, frame);
  evaluation.note_inputs();
  *times++ = now();
  for (const Op& op : plan.ops()) {
    evaluation.run(op);
    *times++ = now();
  }
}

// One instruction for all frames, then the next: its weights come from the first-level cache for
// all frames but the first.
void evaluate(const Plan& plan, std::span<const Frame> frames, uint32_t* peaks) noexcept {
  const auto for_frames = [&](auto&& work) {
    for (size_t i = 0; i < frames.size(); ++i) {
      if (!is_finite(peaks[i])) continue;
      Evaluation evaluation(plan, frames[i], peaks[i]);
      work(evaluation);
      peaks[i] = evaluation.peak();
    }
  };
  std::fill_n(peaks, frames.size(), 0u);
  for_frames([](Evaluation& evaluation) { evaluation.note_inputs(); });
  for (const Op& op : plan.ops()) for_frames([&](Evaluation& evaluation) { evaluation.run(op); });
  for_frames([&](Evaluation& evaluation) { evaluation.note_results(plan.model().outputs()); });
}

float fold_gain(float gain, float scale) noexcept { return gain * scale; }

}  // namespace plasma::vm
