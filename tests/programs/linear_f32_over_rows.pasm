input  x f32[3,2]
output y f32[3,1]
const  w f32[1,2] = 0.5 -1
linear y, x, w
; tick x 1 2 3 4 5 -0.25 -> y -1.5 -2.5 2.75
