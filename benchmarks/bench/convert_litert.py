# SPDX-License-Identifier: Apache-2.0
"""Makes the LiteRT models with LiteRT's own converter and quantiser: fp32, dynamic-range int8, static int8.

    build/bench-convert-venv/bin/python -m benchmarks.bench.convert_litert A B

The converter has a venv of its own, because its requirements contradict constraints.txt. Static int8 is made for
feed-forward nets; its calibration observations are not those of the reference. Images are taken channels last, which
saves LiteRT a transposition.
"""

from __future__ import annotations

import sys
from typing import Any

import litert_torch
import numpy as np
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import TFLOperationName

from .catalog import NETS, Net
from .nets import inputs, module


def convert(net: Net) -> None:
    """Writes the models into the net's folder, fp32 last: it says that they are complete."""
    made, args = module(net, transposed=False), inputs(net, transposed=False)
    if net.is_image:
        made, args = litert_torch.to_channel_last_io(made, args=[0]), (args[0].permute(0, 2, 3, 1),)
    unfinished = net.folder / "unfinished.tflite"
    litert_torch.convert(made, args).export(str(unfinished))
    dynamic = quantizer.Quantizer(str(unfinished), recipe.dynamic_wi8_afp32())
    dynamic.quantize().export_model(str(net.folder / "dynamic_int8.tflite"), overwrite=True)
    if not net.states and not net.has_adapters:
        static = quantizer.Quantizer(str(unfinished), recipe.static_wi8_ai8())
        for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):  # these stay float32
            static.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
        static.quantize(_ranges(net, static)).export_model(
            str(net.folder / "static_int8.tflite"), overwrite=True
        )
    unfinished.rename(net.folder / "fp32.tflite")


def _ranges(net: Net, static: quantizer.Quantizer) -> dict[str, Any]:
    """{tensor: {'min', 'max'}} over all calibration observations.

    One calibration of them all would average the extremes instead, and clip what is rare: errors of 0.2 to 0.7.
    """
    ranges: dict[str, Any] = {}
    for obs in net.reference.calibration:
        found = static.calibrate({"serving_default": [{"args_0": net.channels_last(obs)}]})
        for tensor, seen in found.items():
            known = ranges.setdefault(tensor, dict(seen))
            known["min"] = np.minimum(known["min"], seen["min"])
            known["max"] = np.maximum(known["max"], seen["max"])
    return ranges


def main() -> None:
    for letter in sys.argv[1:]:
        if not (NETS[letter].folder / "fp32.tflite").exists():
            convert(NETS[letter])


if __name__ == "__main__":
    main()
