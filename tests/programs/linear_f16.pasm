; Weights of f16 are the f32 of the same value.
input  x f32[2]
output y f32[2]
const  w f16[2,2] = 1 -2  0.5 65504
const  b f32[2] = 0 1
linear y, x, w, b
; tick x 3 1 -> y 1 65506.5
