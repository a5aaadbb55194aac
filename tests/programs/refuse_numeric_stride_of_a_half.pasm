; Strides are whole numbers.
; error E_PROG_NUMERIC
input  x f32[4]
output y f32[2]
strided y, x, 0, 0, 0, 0, 0.5
