; The weights of a linear are a matrix.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[4] = 1
linear y, x, w
