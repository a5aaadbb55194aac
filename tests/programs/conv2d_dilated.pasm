; Taps two apart see the corners of a 3 × 3 image.
input  x f32[3,3,1]
output y f32[1,1,1]
const  w i8[1,2,2,1] scale s = 1 2 3 4
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 2, 2
; tick x 1 127 2 127 127 127 3 127 4 -> y 30
