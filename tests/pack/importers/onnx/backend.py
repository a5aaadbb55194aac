"""ONNX's own tests of its operators (onnx.backend.test), through build and the real runtime.

    python -m tests.pack.importers.onnx.backend           what fails, and why
    python -m tests.pack.importers.onnx.backend --table   docs/onnx.md, anew

A case is one call of one operator. It becomes a policy: float32 operands are inputs of the network,
bool operands are floats converted, integers and weights are constants, and every result is an
output. The weights stay f32.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper, numpy_helper

import plasma_edge as pe
from plasma_pack import PackError, build
from plasma_pack.packet.keys import public_bytes

TABLE = Path(__file__).parents[4] / "docs" / "onnx.md"

# Operands from this position on are weights, or statistics that training left.
WEIGHTS = {"BatchNormalization": 1, "Conv": 1, "LayerNormalization": 1, "RMSNormalization": 1}
WEIGHTS |= {"GroupNormalization": 1, "InstanceNormalization": 1, "ImageScaler": 1}
# Operands that say how, not what.
PARAMETERS = {
    "Clip": 1,
    "CumSum": 1,
    "Resize": 1,
    "OneHot": 1,
    "Pad": 1,
    "RotaryEmbedding": 1,
    "Dropout": 1,
}
# An operand that is a network's input though it is an index.
INDICES = {"OneHot": 0}
# What these give is known at import; here it is added to an input.
FOLDED = ("Constant", "ConstantOfShape", "EyeLike", "If", "Range", "Shape", "Size")
TRAINING = ("Adagrad", "Adam", "Momentum", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
RANDOM = ("Bernoulli",)
STATEFUL = ("GRU", "LSTM", "RNN")
IMAGES = (
    "AveragePool",
    "CausalConvWithState",
    "Conv",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LpPool",
    "MaxPool",
)
NUMBERS = (TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT32, TensorProto.INT64)


@dataclass(frozen=True)
class Result:
    op: str
    case: str
    verdict: str  # 'passed', 'failed', 'out of scope' or 'not supported'
    reason: str = ""


def run_all() -> list[Result]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cases()
        return [_run(case, _operator(case, found)) for case in found.values()]


@functools.cache
def cases() -> dict[str, Any]:
    from onnx.backend.test.loader import load_model_tests  # collects all cases: seconds

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case for case in load_model_tests(kind="node")}


def network(name: str) -> onnx.ModelProto:
    """The case of that name as a network."""
    case = cases()[name]
    return _policy(case.model, _operator(case, {}), *case.data_sets[0])[0]


def _operator(case: Any, found: dict[str, Any]) -> str:
    """The operator under test, of a case that is written out also."""
    whole = found.get(case.name.split("_expanded")[0], case)
    return str(whole.model.graph.node[-1].op_type)


def _run(case: Any, op: str) -> Result:
    reason = _why_out_of_scope(case, op)
    if reason:
        return Result(op, case.name, "out of scope", reason)
    try:
        for given, wanted in case.data_sets:
            _fly(case, op, given, wanted)
    except (PackError, pe.PlasmaError) as error:
        is_unknown = "is not supported; supported are" in str(error)
        return Result(op, case.name, "not supported" if is_unknown else "failed", str(error))
    except AssertionError as error:
        return Result(op, case.name, "failed", " ".join(str(error).split())[:200])
    return Result(op, case.name, "passed")


def _why_out_of_scope(case: Any, op: str) -> str:
    """The rule; '' when a case is in scope."""
    graph = case.model.graph
    domains = {o.domain for o in case.model.opset_import if o.domain not in ("", "ai.onnx")}
    opset = max(
        (o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")), default=0
    )
    types = [v.type for v in (*graph.input, *graph.output)]
    values = [v for given, wanted in case.data_sets for v in (*given, *wanted)]
    if domains or opset < 11:
        return "an operator set before 11, or not ONNX's own"
    if any(not t.HasField("tensor_type") or t.tensor_type.elem_type not in NUMBERS for t in types):
        return "numbers that are not float32, bool or an index"
    floats = [v for v in graph.input if v.type.tensor_type.elem_type == TensorProto.FLOAT]
    logical = [v for v in graph.input if v.type.tensor_type.elem_type == TensorProto.BOOL]
    if op not in (*FOLDED, *INDICES) and not floats and not logical:
        return "numbers that are not float32, bool or an index"
    if op in INDICES and (np.asarray(values[INDICES[op]]) < 0).any():
        return "an index that counts from the end, known at run time only"
    if any(np.size(v) == 0 for v in values):
        return "no elements"
    if any(np.asarray(v).dtype.kind == "f" and not np.isfinite(v).all() for v in values):
        return "infinity or NaN, a fault in a policy"
    if op in STATEFUL:
        return "a recurrent state that starts anew at every call"
    if op in TRAINING or any(a.name == "training_mode" and a.i for a in _attributes(graph)):
        return "training"
    if op in RANDOM or any(v.name == "t" for v in graph.input):
        return "random numbers"
    shape = np.shape(values[0])
    if op in IMAGES and (len(shape) > 4 or shape[0] != 1):
        return "a batch of images, or three axes"
    return ""


def _attributes(graph: onnx.GraphProto) -> list[onnx.AttributeProto]:
    return [attribute for node in graph.node for attribute in node.attribute]


def _fly(case: Any, op: str, given: Sequence[Any], wanted: Sequence[Any]) -> None:
    model, inputs = _policy(case.model, op, given, wanted)
    key = Ed25519PrivateKey.generate()
    golden = {name: value.reshape(1, -1) for name, value in inputs.items()}
    packet = build(model, key=key, actuators=[], golden=golden, weights="f32")
    policy = pe.Policy.load(packet.data, trust=public_bytes(key))
    found = policy(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    values = list(found.values()) if isinstance(found, dict) else [found]
    assert policy.stats.faults == 0, "a fault"
    assert len(values) == len(wanted), f"{len(values)} results, expected {len(wanted)}"
    for value, expected in zip(values, wanted, strict=True):
        expected = np.asarray(expected, np.float64).reshape(-1)
        atol = max(case.atol, 2e-6)
        found = np.asarray(value, np.float64).reshape(-1)
        np.testing.assert_allclose(found, expected, rtol=case.rtol, atol=atol)


def _policy(
    source: onnx.ModelProto, op: str, given: Sequence[Any], wanted: Sequence[Any]
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The case as a network, and its observation."""
    model = onnx.ModelProto()
    model.CopyFrom(source)
    graph = model.graph
    taken: dict[str, np.ndarray] = {}
    before: list[onnx.NodeProto] = []
    for position, (value, operand) in enumerate(zip(source.graph.input, given, strict=True)):
        array = np.asarray(operand)
        if _is_input(op, position, array):
            taken[f"in{position}"] = array.reshape(-1).astype(np.float32)
            before += _entry(graph, f"in{position}", value.name, array)
        else:
            graph.initializer.append(numpy_helper.from_array(array, value.name))
    if not taken:
        taken["zero"] = np.zeros(1, np.float32)
    after = [
        node
        for i, value in enumerate(source.graph.output)
        for node in _exit(f"out{i}", value.name, is_folded=op in FOLDED)
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1]), "flat"))
    graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, value.size])
        for name, value in taken.items()
    )
    for i, (value, array) in enumerate(zip(source.graph.output, wanted, strict=True)):
        dtype = TensorProto.FLOAT if op in FOLDED else value.type.tensor_type.elem_type
        graph.output.append(helper.make_tensor_value_info(f"out{i}", dtype, [1, np.size(array)]))
    return model, taken


def _is_input(op: str, position: int, operand: np.ndarray) -> bool:
    first = min(WEIGHTS.get(op, 99), PARAMETERS.get(op, 99))
    if INDICES.get(op) == position:
        return True
    return operand.dtype.kind in "fb" and position < first and op not in FOLDED


def _entry(
    graph: onnx.GraphProto, taken: str, name: str, operand: np.ndarray
) -> Iterator[onnx.NodeProto]:
    graph.initializer.append(numpy_helper.from_array(np.array(operand.shape, np.int64), f"{name}#"))
    flat = f"{name}#flat" if operand.dtype == np.bool_ else name
    yield helper.make_node("Reshape", [taken, f"{name}#"], [flat])
    if operand.dtype == np.bool_:
        yield helper.make_node("Cast", [flat], [name], to=TensorProto.BOOL)


def _exit(name: str, value: str, *, is_folded: bool) -> Iterator[onnx.NodeProto]:
    if not is_folded:
        yield helper.make_node("Reshape", [value, "flat"], [name])
        return
    yield helper.make_node("Cast", [value], [f"{name}#"], to=TensorProto.FLOAT)
    yield helper.make_node("Reshape", [f"{name}#", "flat"], [f"{name}#flat"])
    yield helper.make_node("Add", [f"{name}#flat", "zero"], [name])


HEAD = """# Importing ONNX

`plasma-pack build policy.onnx` takes what torch, tf2onnx and skl2onnx export. The batch is 1, shapes are static,
numbers are float32; whole numbers and conditions are float32 too. An operator that is not in the table is used where
ONNX defines it by others that are; else it is refused by name, with its node and opset.

## ONNX's own tests

The cases of `onnx.backend.test` (onnx {version}), each built into a signed packet and run by the runtime. Of {total}
cases in scope {passed} pass ({share:.1f} %). `python -m tests.pack.importers.onnx.backend --table` wrote this page, and
a test compares it. `GRU`, `LSTM` and `RNN` keep a state from tick to tick, which no case of one call can say; they are
tested against torch.

In scope are all cases of an operator that is supported at all, but for these:

| out of scope | cases |
|---|---:|
{excluded}

Not supported: {missing}.

| operator | passed | failed | out of scope |
|---|---:|---:|---:|
{rows}

## What fails

| case | why |
|---|---|
{failures}
"""


def table(results: Sequence[Result]) -> str:
    by_op: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        by_op[result.op][result.verdict] += 1
    known = {op for op, counts in by_op.items() if counts["passed"]}
    inside = [r for r in results if r.op in known]
    counts = Counter(r.verdict for r in inside)
    failed = [r for r in inside if r.verdict in ("failed", "not supported")]
    excluded = Counter(r.reason for r in inside if r.verdict == "out of scope")
    total = counts["passed"] + len(failed)
    return HEAD.format(
        version=onnx.__version__,
        total=total,
        passed=counts["passed"],
        share=100 * counts["passed"] / total,
        excluded="\n".join(f"| {reason} | {n} |" for reason, n in sorted(excluded.items())),
        missing=", ".join(f"`{op}`" for op in sorted(_missing(by_op))),
        rows="\n".join(_row(op, by_op[op]) for op in sorted(known)),
        failures="\n".join(f"| `{r.case}` | {_brief(r.reason)} |" for r in failed),
    )


def _missing(by_op: dict[str, Counter[str]]) -> list[str]:
    """Of those with cases in scope."""
    return [op for op, n in by_op.items() if not n["passed"] and n["failed"] + n["not supported"]]


def _row(op: str, counts: Counter[str]) -> str:
    failed = counts["failed"] + counts["not supported"]
    return f"| `{op}` | {counts['passed']} | {failed} | {counts['out of scope']} |"


def _brief(reason: str) -> str:
    """Without the node's name, and the list of all that is supported."""
    text = reason.split("): ")[-1].split("; supported are")[0]
    return text.split("Mismatched")[0].replace("|", " ").strip()


def main() -> None:
    results = run_all()
    if "--table" in sys.argv:
        TABLE.write_text(table(results), "utf-8")
    for result in results:
        if result.verdict in ("failed", *sys.argv[1:]):
            sys.stdout.write(f"{result.op} {result.case} {result.verdict}: {result.reason[:300]}\n")
    sys.stdout.write(f"{Counter(result.verdict for result in results)}\n")


if __name__ == "__main__":
    main()
