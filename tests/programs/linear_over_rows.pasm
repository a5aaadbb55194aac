; Each row of x is quantised on its own: s = 0.5 for the first and 2 for the second, so q = (254, 6) and (-127, 127).
input  x f32[2,2]
output y f32[2,3]
const  w i8[3,2] scale s = 1 0  0 1  1 1
const  s f32[3] = 1 1 0.5
const  b f32[3] = 0 0 100
linear y, x, w, b
; tick x 127 3 -254 254 -> y 127 3 165 -254 254 100
; tick x 0 0 0 127 -> y 0 0 100 0 127 163.5
