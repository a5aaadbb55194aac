# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX defines by others: one that has no instruction here is what ONNX says it is.

The shapes are known where this is asked, so are the operators whose definition depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import onnx.inliner
from onnx import helper

# (element type, shape) of every operand that is there.
Operands = Mapping[str, tuple[int, Sequence[int]]]


def has_definition(op: str, opset: int) -> bool:
    if not onnx.defs.has(op, opset):
        return False
    schema: Any = onnx.defs.get_schema(op, opset, "")
    return bool(schema.has_function or schema.has_context_dependent_function)


def written_out(
    node: onnx.NodeProto, operands: Operands, opsets: Sequence[onnx.OperatorSetIdProto]
) -> list[onnx.NodeProto]:
    """The nodes of the definition, which read the node's operands and give its results; [] where
    ONNX has none.
    """
    node = _with_defaults(node, opsets)
    values = [helper.make_tensor_value_info(name, *of) for name, of in operands.items()]
    if "" in node.input:  # the inliner wants to know a type of what is left out
        values.append(helper.make_tensor_value_info("", onnx.TensorProto.FLOAT, None))
    results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    model = helper.make_model(
        helper.make_graph([node], "definition", values, results), opset_imports=list(opsets)
    )
    try:
        inlined = onnx.inliner.inline_selected_functions(
            model, [("", node.op_type)], inline_schema_functions=True
        )
    except RuntimeError:  # some depend on more than shapes
        return []
    nodes = list(inlined.graph.node)
    is_whole = any(inner.op_type == node.op_type for inner in nodes)
    if is_whole or any(a.HasField("g") for inner in nodes for a in inner.attribute):
        return []
    return _renamed(node, nodes)


def _with_defaults(
    node: onnx.NodeProto, opsets: Sequence[onnx.OperatorSetIdProto]
) -> onnx.NodeProto:
    """Attributes that are left out are spelled out: a definition refers to them."""
    opset = next(o.version for o in opsets if o.domain in ("", "ai.onnx"))
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    given = {attribute.name for attribute in node.attribute}
    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    whole.attribute.extend(
        attribute.default_value
        for name, attribute in schema.attributes.items()
        if name not in given and attribute.default_value.name
    )
    return whole


def _renamed(node: onnx.NodeProto, nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    for inner in nodes:
        for names in (inner.input, inner.output):
            names[:] = [_inside(node, name) for name in names]
        inner.name = f"{node.name or node.op_type}/{inner.name or inner.op_type}"
    return nodes


def _inside(node: onnx.NodeProto, name: str) -> str:
    """Names of values inside begin with that of a result: two definitions have none in common."""
    prefix = next(result for result in node.output if result)
    return f"{prefix}/{name}" if name and name not in (*node.input, *node.output) else name
