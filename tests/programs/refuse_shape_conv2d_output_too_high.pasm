; 3 rows under a kernel of 2 give 2, not 3.
; error E_PROG_SHAPE
input  x f32[3,3,1]
output y f32[3,2,1]
const  w i8[1,2,2,1] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
