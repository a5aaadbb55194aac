; eps is at least 1e-12.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const g f32[2] = 1
const b f32[2] = 0
layer_norm y, x, g, b, 9e-13
