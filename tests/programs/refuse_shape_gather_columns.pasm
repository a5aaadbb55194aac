; Rows of three columns have three columns.
; error E_PROG_SHAPE
input  i f32[2]
output y f32[2,4]
const  t f32[5,3] = 1
gather y, t, i
