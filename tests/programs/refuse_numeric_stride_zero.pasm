; A window must move.
; error E_PROG_NUMERIC
input  x f32[2,2,1]
output y f32[2,2,1]
const  w i8[1,1,1,1] scale s = 1
const  s f32[1] = 1
conv2d y, x, w, 0, 1, 0, 0, 0, 0, 1, 1
