; x reaches as far below zero as above, by 254 in all: s = 1 and q = x, exact whole numbers.
input  x f32[4]
output y f32[2]
const  w i8[2,4] scale s = 1 2 3 4  -127 0 0 127
const  s f32[2] = 1 0.5
const  b f32[2] = 10 0
linear y, x, w, b
; tick x 127 -127 2 0 -> y -111 -8064.5
; tick x 0 0 0 127 -> y 518 8064.5
; tick x 0 0 0 0 -> y 10 0
