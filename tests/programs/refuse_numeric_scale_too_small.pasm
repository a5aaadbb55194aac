; A scale is at least 2^-40.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const w i8[2,2] scale s = 1
const s f32[2] = 9.0e-13
linear y, x, w
