; Without b, b is +0, so that a sum of -0 comes out as +0.
input  x f32[2]
output y f32[2]
const  w f32[2,2] = 1 0  0 -1
linear y, x, w
; tick x 3 4 -> y 3 -4
; tick x -0 0 -> y 0 0
