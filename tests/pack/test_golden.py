"""Self-test cases: what the runtime answered, chosen so that an adapter shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import Policy, _core
from plasma_pack import AdapterError, OptionError, SourceError, assemble, build
from plasma_pack.golden import adapter_gold, base_gold
from plasma_pack.packet.format import Certificate, Kind
from plasma_pack.packet.writer import Draft
from plasma_pack.program.program import Program

TEXT = """
input  obs f32[2]
output act f32[1] actuator low -500 high 500 safe 0
const  w f32[1,2] = 1 1
fc: linear act, obs, w
slot fc max_rank 1
lora A  i8[1,2] scale As = 1 0
lora As f32[1] = 1
lora B  i8[1,1] scale Bs = 1
lora Bs f32[1] = 1
patch fc, A, B scale 1
"""
WIDE = "input obs f32[{0}]\noutput act f32[{0}]\ntanh act, obs\n"


def drafts() -> tuple[Draft, Draft, Program]:
    both = assemble(TEXT)
    base = Draft(
        Kind.BASE, both.sections, Certificate(**_core.certify(both.sections)), max_adapters=1
    )
    certificate = Certificate(**_core.certify_adapter(both.sections, both.adapter))
    adapter = Draft(Kind.ADAPTER, both.adapter, certificate, base_digest=base.content_digest)
    return base, adapter, both.program


def cases(gold: bytes, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    count, zero, input_bytes, _ = np.frombuffer(gold[:16], "<u4")
    assert (zero, input_bytes) == (0, 4 * inputs)
    table = np.frombuffer(gold[16:], "<f4").reshape(count, -1)
    return table[:, :inputs], table[:, inputs:]


def test_a_base_s_answers_are_the_runtime_s() -> None:
    base, _, program = drafts()
    obs = np.array([[1, 2], [3, 4]], np.float32)
    given, answers = cases(base_gold(base, program, obs), 2)
    np.testing.assert_array_equal(given, obs)
    np.testing.assert_array_equal(answers, [[3], [7]])


def test_cases_on_which_the_adapter_shows_come_first() -> None:
    base, adapter, program = drafts()
    hidden = np.tile(np.array([[0, 5]], np.float32), (40, 1))
    shown = np.array([[127, 1], [-127, 0]], np.float32)
    obs = np.concatenate([hidden, shown, hidden])
    given, answers = cases(adapter_gold(base, adapter, program, obs), 2)
    np.testing.assert_array_equal(given[:2], shown)
    np.testing.assert_array_equal(answers[:3], [[255], [-254], [5]])
    assert len(given) == 16


def test_an_adapter_that_never_shows_is_refused() -> None:
    base, adapter, program = drafts()
    with pytest.raises(AdapterError, match="changes no action on any of 3 observations"):
        adapter_gold(base, adapter, program, np.array([[0, 1], [0, 2], [0, 3]], np.float32))


def test_cases_drawn_at_random_are_the_same_each_time_and_within_the_range() -> None:
    assembly = assemble("input obs f32[3] range 5 6\noutput act f32[3]\ntanh act, obs\n")
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    first = base_gold(draft, assembly.program, None)
    given, _ = cases(first, 3)
    assert first == base_gold(draft, assembly.program, None)
    assert ((given >= 5) & (given <= 6)).all()


def test_an_input_that_chooses_rows_is_drawn_among_them() -> None:
    """Anything else would be no row, and every answer NaN."""
    table = "const table f32[3,1] = 0.1 0.2 0.3\n"
    text = f"input word f32[4]\noutput act f32[4,1]\n{table}g: gather act, table, word\n"
    assembly = assemble(text)
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    given, answers = cases(base_gold(draft, assembly.program, None), 4)
    assert set(given.ravel()) == {0.0, 1.0, 2.0}
    np.testing.assert_allclose(answers, (given + 1) / 10, rtol=1e-6)


def test_several_indices_of_an_input_are_drawn_among_the_rows_of_all() -> None:
    text = (
        "input words f32[2]\noutput act f32[2,1]\nconst few f32[2,1] = 1 2\n"
        "const many f32[5,1] = 3 4 5 6 7\narena first f32[1]\narena second f32[1]\n"
        "arena a f32[1,1]\narena b f32[1,1]\n"
        "strided first, words, 0, 0, 0, 0, 1\nstrided second, words, 1, 0, 0, 0, 1\n"
        "gather a, few, first\ngather b, many, second\nconcat act, a, b\n"
    )
    assembly = assemble(text)
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    given, answers = cases(base_gold(draft, assembly.program, None), 2)
    assert set(given.ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(answers, given + [1, 3])


@pytest.mark.parametrize(("width", "count"), [(4, 16), (128, 16), (500, 4), (4000, 2), (32_000, 1)])
def test_wide_policies_have_fewer_cases(width: int, count: int) -> None:
    assembly = assemble(WIDE.format(width))
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    given, _ = cases(base_gold(draft, assembly.program, None), width)
    assert len(given) == count


@pytest.mark.parametrize(("rows", "count"), [(1, 4), (30, 7), (90, 16)])
def test_heavy_policies_have_more_cases(rows: int, count: int) -> None:
    """A quarter of 1,000 weights a row in f32, in cases of 1,000 inputs and an output a row."""
    text = (
        f"input obs f32[1000] range -1 1\noutput act f32[{rows}]\n"
        f"const w f32[{rows},1000] = 1\nfc: linear act, obs, w\n"
    )
    assembly = assemble(text)
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    given, _ = cases(base_gold(draft, assembly.program, None), 1000)
    assert len(given) == count


def test_a_policy_too_wide_for_one_case_is_refused() -> None:
    assembly = assemble(WIDE.format(40_000))
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    with pytest.raises(SourceError, match="too large for a packet"):
        base_gold(draft, assembly.program, None)


def test_several_inputs_need_a_dict() -> None:
    assembly = assemble("input a f32[1]\ninput b f32[1]\noutput y f32[1]\nadd y, a, b\n")
    draft = Draft(Kind.BASE, assembly.sections, Certificate(**_core.certify(assembly.sections)))
    one = np.ones((3, 1), np.float32)
    gold = base_gold(draft, assembly.program, {"a": one, "b": 2 * one})
    np.testing.assert_array_equal(cases(gold, 2)[1], 3 * one)
    with pytest.raises(OptionError, match=r"inputs are \['a', 'b'\]; pass a dict"):
        base_gold(draft, assembly.program, one)
    with pytest.raises(OptionError, match="expected as many for each input"):
        base_gold(draft, assembly.program, {"a": one, "b": one[:2]})


def test_a_policy_that_draws_is_tested_from_seed_0_whatever_its_own(
    key: Ed25519PrivateKey, trust: bytes
) -> None:
    text = Path(__file__).parents[1] / "programs/a_gaussian_is_sampled.pasm"
    packet = build(text, key=key)
    policies = [Policy.load(packet.data, trust=trust, seed=seed) for seed in (0, 1)]
    obs = {"mean": np.zeros(2), "log_std": np.zeros(2)}
    assert policies[0](obs).tolist() != policies[1](obs).tolist()
