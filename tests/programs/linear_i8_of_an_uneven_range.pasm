; From -30 to 224: s = 1 and q = x, from -128 - 97 on.
input  x f32[3]
output y f32[1]
const  w i8[1,3] scale s = 1 2 100
const  s f32[1] = 1
linear y, x, w
; tick x -30 224 0.5 -> y 418
; tick x 224 -30 1.5 -> y 364
