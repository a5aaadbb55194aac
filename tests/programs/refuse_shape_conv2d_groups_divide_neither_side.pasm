; 3 groups cannot share 4 output channels.
; error E_PROG_SHAPE
input  x f32[1,1,3]
output y f32[1,1,4]
const  w i8[4,1,1,1] scale s = 1
const  s f32[4] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
