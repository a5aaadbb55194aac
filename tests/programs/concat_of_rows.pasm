; Elements one after the other, in the shape of y.
input  x f32[2,2]
input  z f32[2]
output y f32[3,2]
concat y, x, z
; tick x 1 2 3 4 z 5 6 -> y 1 2 3 4 5 6
