; Two groups of two channels, one output channel each.
input  x f32[1,1,4]
output y f32[1,1,2]
const  w i8[2,1,1,2] scale s = 1 2  3 4
const  s f32[2] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
; tick x 1 10 100 127 -> y 21 808
