; Padding adds nothing: the corners see one pixel of four.
input  x f32[2,2,1]
output y f32[2,2,1]
const  w i8[1,2,2,1] scale s = 1 10 100 127
const  s f32[1] = 1
conv2d y, x, w, 2, 2, 1, 1, 1, 1, 1, 1
; tick x 1 2 3 127 -> y 127 200 30 127
; tick x 0 0 0 0 -> y 0 0 0 0
