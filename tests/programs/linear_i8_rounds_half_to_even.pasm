; q of 0.5, 1.5, 2.5, -0.5 and -1.5 is 0, 2, 2, 0 and -2.
input  x f32[7]
output y f32[5]
const  w i8[5,7] scale s = 0 1 0 0 0 0 0  0 0 1 0 0 0 0  0 0 0 1 0 0 0  0 0 0 0 1 0 0  0 0 0 0 0 1 0
const  s f32[5] = 1
linear y, x, w
; tick x 127 0.5 1.5 2.5 -0.5 -1.5 -127 -> y 0 2 2 0 -2
