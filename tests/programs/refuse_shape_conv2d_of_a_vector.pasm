; An image has three dimensions.
; error E_PROG_SHAPE
input  x f32[4]
output y f32[2,2,1]
const  w i8[1,1,1,1] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
