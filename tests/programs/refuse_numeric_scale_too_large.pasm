; A scale is at most 2^40.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const w i8[2,2] scale s = 1
const s f32[2] = 1.2e12
linear y, x, w
