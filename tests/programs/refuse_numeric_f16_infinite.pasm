; Constants are finite, those of f16 too.
; error E_PROG_NUMERIC
input  x f32[1]
output y f32[1]
const  w f16[1,1] = 1
linear y, x, w
raw CONST_F16 0 = 007c
