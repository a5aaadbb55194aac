// SPDX-License-Identifier: Apache-2.0
// python_batch.hpp -- policy.step_batch and policy.profile, bound in bindings.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace plasma::python {

// obs [rows, ...] or a dict of such; starts bool [rows] or None. Gives actions [rows, ...] or a
// dict.
pybind11::object step_batch(const pybind11::object& self, const pybind11::object& obs,
                            const pybind11::object& starts);

// obs [rows, ...] or a dict of such. Gives an OpTime for every instruction.
pybind11::tuple profile(const pybind11::object& self, const pybind11::object& obs);

}  // namespace plasma::python
