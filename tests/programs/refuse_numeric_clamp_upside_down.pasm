; low is at most high.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const low f32[2] = 0 1
const high f32[2] = 1 0
clamp y, x, low, high
