; Elements 3 and 4 of a vector of four.
; error E_PROG_SHAPE
input  x f32[4]
output y f32[2]
strided y, x, 3, 0, 0, 0, 1
