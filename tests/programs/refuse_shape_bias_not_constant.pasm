; The bias of a linear is constant.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
linear y, x, w, x
