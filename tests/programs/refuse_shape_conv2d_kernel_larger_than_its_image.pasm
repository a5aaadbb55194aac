; A kernel of 3 does not fit an image of 2.
; error E_PROG_SHAPE
input  x f32[2,2,1]
output y f32[1,1,1]
const  w i8[1,3,1,1] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
