# SPDX-License-Identifier: Apache-2.0
"""The binary records of cpp/vm/ISA.md, section 1, shared by encode and decode."""

from __future__ import annotations

import struct

from plasma_pack.packet.format import Section
from plasma_pack.program.program import DType

NONE = 0xFFFF
NO_BIAS = 0xFFFFFFFF

# op, flags, n_in, n_out, reserved, in[8], out[4], immediates
INSTRUCTION = struct.Struct("<HHBBH8H4H32s")
# dtype, rank, storage, flags, dims[4], offset, scale_tensor, reserved
TENSOR = struct.Struct("<4B4IIH6s")
# name, direction, dtype, flags, pad, rank, dims[4], tensor, pad, unit, low, high, reserved
IO = struct.Struct("<32s4BI4IHH16sff12s")
# op_index, max_rank, in, out, reserved
SLOT = struct.Struct("<HHIII")
# count, reserved; then per output io_index, pad, n
SAFE_HEAD = struct.Struct("<II")
SAFE_RECORD = struct.Struct("<HHI")
# slot, rank, scale, a, a_scale, b, b_scale, bias, reserved
PATCH = struct.Struct("<HHfIIIIII")

CONST_SECTIONS = {
    DType.I8: Section.CONST_I8,
    DType.F16: Section.CONST_F16,
    DType.F32: Section.CONST_F32,
    DType.I32: Section.CONST_I32,
}
