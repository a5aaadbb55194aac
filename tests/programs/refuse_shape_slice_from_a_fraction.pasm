; A slice begins at a whole number.
; error E_PROG_SHAPE
input  x f32[4]
output y f32[2]
slice y, x, 0.5
