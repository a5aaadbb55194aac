; Below 2^-100 a vector counts as zero: only the bias is left. At 2^-100 it does not.
input  x f32[2]
output y f32[1]
const  w i8[1,2] scale s = 127 127
const  s f32[1] = 1
const  b f32[1] = 3
linear y, x, w, b
; tick x 7e-31 -7e-31 -> y 3
; tick x 0 0 -> y 3
