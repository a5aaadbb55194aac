; The bias has one element a row.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
const b f32[1] = 1
linear y, x, w, b
