// SPDX-License-Identifier: Apache-2.0
// python_batch.cpp -- policy.step_batch and policy.profile: many rows in one call.
#include "python_batch.hpp"

#include <pybind11/numpy.h>

#include <vector>

#include "policy_type.hpp"
#include "python_values.hpp"

namespace py = pybind11;

namespace plasma::python {
namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Flags = py::array_t<bool, py::array::c_style>;

[[noreturn]] void raise_wrong(const std::string& name, const py::object& found,
                              const std::string& expected) {
  const py::object shape = py::getattr(found, "shape", py::type::of(found));
  raise(fail(Status::WrongObs, "step_batch"),
        name + ": found " + std::string(py::str(shape)) + ", expected " + expected);
}

std::string expected_rows(const IoInfo& io) {
  std::string text = "numbers of shape (rows";
  for (uint32_t dim : io.shape) text.append(", ").append(std::to_string(dim));
  return text.append(")");
}

bool has_rows_of(const py::array& array, const IoInfo& io) {
  if (!holds_numbers(array)) return false;
  if (static_cast<size_t>(array.ndim()) != io.shape.size() + 1 || array.shape(0) == 0) return false;
  return std::equal(io.shape.begin(), io.shape.end(), array.shape() + 1,
                    [](uint32_t dim, py::ssize_t found) { return py::ssize_t{dim} == found; });
}

Floats read_rows(const IoInfo& io, const py::object& obs) {
  const py::array array = py::array::ensure(obs);
  if (!array) PyErr_Clear();
  if (!array || !has_rows_of(array, io)) raise_wrong(std::string(io.name), obs, expected_rows(io));
  return Floats(array);
}

std::vector<Floats> read_inputs(const Policy& policy, const py::object& obs) {
  if (policy.inputs().size() == 1 && !py::isinstance<py::dict>(obs))
    return {read_rows(policy.inputs()[0], obs)};
  std::vector<Floats> inputs;
  for (const IoInfo& io : policy.inputs()) {
    if (!py::isinstance<py::dict>(obs) || !obs.contains(io.name))
      raise_wrong("obs", obs, "a dict with the key " + std::string(io.name));
    inputs.push_back(read_rows(io, obs[py::str(io.name)]));
    if (inputs.back().shape(0) != inputs[0].shape(0))
      raise_wrong(std::string(io.name), inputs.back(),
                  std::to_string(inputs[0].shape(0)) + " rows");
  }
  return inputs;
}

std::vector<const float*> pointers_to(const std::vector<Floats>& inputs) {
  std::vector<const float*> pointers;
  for (const Floats& input : inputs) pointers.push_back(input.data());
  return pointers;
}

// Bools only: an array of row numbers is not meant to be one of flags.
Flags read_flags(const py::object& starts, py::ssize_t rows) {
  const py::array array = py::array::ensure(starts);
  if (!array) PyErr_Clear();
  if (!array || array.dtype().kind() != 'b' || array.ndim() != 1 || array.shape(0) != rows)
    raise_wrong("starts", starts, std::to_string(rows) + " bools, one a row");
  return Flags(array);
}

// [rows, ...], or [rows] for a single index.
py::array new_rows(const IoInfo& io, py::ssize_t rows) {
  std::vector<py::ssize_t> shape{rows};
  if (!io.is_index()) shape.insert(shape.end(), io.shape.begin(), io.shape.end());
  if (io.type == ElementType::I32) return py::array_t<int32_t>(shape);
  return py::array_t<float>(shape);
}

}  // namespace

py::object step_batch(const py::object& self, const py::object& obs, const py::object& starts) {
  Policy& policy = policy_of(self);
  const std::vector<Floats> inputs = read_inputs(policy, obs);
  const py::ssize_t rows = inputs[0].shape(0);
  const Flags flags = starts.is_none() ? Flags() : read_flags(starts, rows);
  const std::vector<const float*> in = pointers_to(inputs);
  std::vector<py::array> arrays;
  std::vector<void*> out;
  for (const IoInfo& io : policy.outputs()) {
    arrays.push_back(new_rows(io, rows));
    out.push_back(arrays.back().mutable_data());
  }
  Error error;
  {
    const py::gil_scoped_release released;
    error = policy.step_batch(static_cast<size_t>(rows), in.data(), out.data(),
                              starts.is_none() ? nullptr : flags.data());
  }
  if (error) raise(error, "step_batch");
  if (arrays.size() == 1) return arrays[0];
  py::dict actions;
  for (size_t i = 0; i < arrays.size(); ++i) actions[py::str(policy.outputs()[i].name)] = arrays[i];
  return actions;
}

py::tuple profile(const py::object& self, const py::object& obs) {
  Policy& policy = policy_of(self);
  const std::vector<Floats> inputs = read_inputs(policy, obs);
  std::vector<OpTime> times;
  const auto rows = static_cast<size_t>(inputs[0].shape(0));
  if (Error error = policy.profile(rows, pointers_to(inputs).data(), times))
    raise(error, "profile");
  return to_python(times);
}

}  // namespace plasma::python
