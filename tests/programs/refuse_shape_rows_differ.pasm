; The weights have 3 rows, y has 2 elements.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[3,2] = 1
linear y, x, w
