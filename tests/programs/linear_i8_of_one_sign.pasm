; All of x above zero, or all below: 254 steps for as many as 127 would take on both sides, s = 0.5.
input  x f32[3]
output y f32[2]
const  w i8[2,3] scale s = 1 2 3  -127 0 127
const  s f32[2] = 1 2
linear y, x, w
; tick x 127 0.5 0 -> y 128 -32258
; tick x -127 -0.5 -1 -> y -131 32004
; tick x 0 0 127 -> y 381 32258
