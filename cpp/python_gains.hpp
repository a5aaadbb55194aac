// SPDX-License-Identifier: Apache-2.0
// python_gains.hpp -- policy.set_gains, which may be called between two ticks.
#pragma once

#include <Python.h>

namespace plasma::python {

// A METH_O method of the Policy type.
PyObject* set_gains(PyObject* self, PyObject* gains) noexcept;

}  // namespace plasma::python
