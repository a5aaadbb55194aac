; 5 · 26,629 = 133,145 products of 127 · 127 exceed 2^31.
; error E_PROG_ACCUMULATOR
input  x f32[5,1,26629]
output y f32[1,1,1]
const  w i8[1,5,1,26629] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
