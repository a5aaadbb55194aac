; 3 · 22,191 = 66,573 products of 254 · 127 exceed 2^31.
; error E_PROG_ACCUMULATOR
input  x f32[3,1,22191]
output y f32[1,1,1]
const  w i8[1,3,1,22191] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
