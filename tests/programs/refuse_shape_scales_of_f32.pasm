; Only i8 tensors have scales.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f32[2,2] scale s = 1
const s f32[2] = 1
linear y, x, w
