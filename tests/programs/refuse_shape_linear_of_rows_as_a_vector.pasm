; n(x) is not the number of columns, and y has no rows.
; error E_PROG_SHAPE
input  x f32[3,2]
output y f32[3]
const  w f32[1,2] = 1
linear y, x, w
