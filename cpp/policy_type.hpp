// SPDX-License-Identifier: Apache-2.0
// policy_type.hpp -- plasma_edge.Policy as a CPython
// type, and how an Error becomes a Python exception.
#pragma once

#include <pybind11/numpy.h>

#include <memory>

#include "plasma_edge/runtime.hpp"

namespace plasma::python {

// Raises the exception class of the error's family with
// `.code`; `context` (a path, a name) leads the message.
[[noreturn]] void raise(const Error& error, const std::string& context = {});

// The type object, created once; step() and policy(obs) are on it, bindings.cpp adds the rest.
pybind11::object make_policy_type();

pybind11::object wrap_policy(const pybind11::object& type, std::unique_ptr<Policy> policy);
// TypeError when self is something else.
Policy& policy_of(const pybind11::handle& self);

// For functions that CPython calls: what `call` throws becomes null and a Python exception.
template <class Call>
PyObject* guarded(Call call) noexcept {
  try {
    return call().release().ptr();
  } catch (pybind11::error_already_set& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

// Whether a numpy array holds what an observation is made of: bools, integers or floats.
bool holds_numbers(const pybind11::array& array);

}  // namespace plasma::python
