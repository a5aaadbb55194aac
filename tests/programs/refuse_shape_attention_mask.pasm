; Two rows of a mask for three queries.
; error E_PROG_SHAPE
input  x f32[3,4]
output y f32[3,4]
const  mask f32[2,3] = 0
attention y, x, x, x, mask, 2, 1, 0, 0, 0
