; Two weights of 0.1 and -0.2 as int8: the answer is within a step of the float one.
input  x f32[2]
output y f32[1]
const  w i8[1,2] scale s = 64 -127
const  s f32[1] = 0.0015748032
linear y, x, w
; near 0.01
; tick x 1 2 -> y -0.2992126
; tick x -0.5 0.25 -> y -0.1003937
