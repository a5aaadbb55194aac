// SPDX-License-Identifier: Apache-2.0
// python_gains.cpp -- policy.set_gains: a swap of skills takes less than a step, so it is read
// without a copy and, since nothing long happens under its lock, without giving up the GIL.
#include "python_gains.hpp"

#include <array>

#include "packet/packet.hpp"
#include "policy_type.hpp"

namespace py = pybind11;

namespace plasma::python {
namespace {

std::string text_of(const py::handle& object) { return py::repr(object); }

std::string_view read_name(const py::object& name) {
  Py_ssize_t size = 0;
  const char* text = nullptr;
  if (PyUnicode_Check(name.ptr())) text = PyUnicode_AsUTF8AndSize(name.ptr(), &size);
  if (text == nullptr) {
    PyErr_Clear();
    raise(fail(Status::Argument, "gains"), "found the name " + text_of(name));
  }
  return {text, static_cast<size_t>(size)};
}

float read_gain(const py::object& gain) {
  const double value = PyFloat_AsDouble(gain.ptr());
  if (value == -1.0 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    raise(fail(Status::Gain, "set_gains"), "found " + text_of(gain));
  }
  return static_cast<float>(value);
}

void set_named(Policy& policy, PyObject* gains) {
  if (!PyDict_Check(gains))
    raise(fail(Status::Argument, "gains"), "found " + text_of(gains) + ", expected {name: gain}");
  std::array<NamedGain, packet::kMaxAdapters> named;
  std::array<py::object, packet::kMaxAdapters> names;  // reading a gain may change the dict
  size_t count = 0;
  PyObject *name = nullptr, *gain = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(gains, &at, &name, &gain) != 0;) {
    if (count == named.size())
      raise(fail_at_most(Status::UnknownName, "gains", count + 1, named.size()));
    names[count] = py::reinterpret_borrow<py::object>(name);
    const auto value = py::reinterpret_borrow<py::object>(gain);
    named[count] = {read_name(names[count]), read_gain(value)};
    ++count;
  }
  if (Error error = policy.set_gains({named.data(), count})) raise(error, text_of(gains));
}

}  // namespace

PyObject* set_gains(PyObject* self, PyObject* gains) noexcept {
  return guarded([&] {
    set_named(policy_of(self), gains);
    return py::none();
  });
}

}  // namespace plasma::python
