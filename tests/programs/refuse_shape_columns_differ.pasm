; The weights have 3 columns, x has 2 elements.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[2,3] = 1
linear y, x, w
