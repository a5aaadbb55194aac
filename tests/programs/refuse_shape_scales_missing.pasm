; i8 weights have scales.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w i8[2,2] = 1
linear y, x, w
