; No instruction of opset 1 reads f16.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
const w f16[2,2] = 1
linear y, x, w
