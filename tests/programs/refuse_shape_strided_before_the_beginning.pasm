; Backwards from element 1, three of them.
; error E_PROG_SHAPE
input  x f32[4]
output y f32[3]
strided y, x, 1, 0, 0, 0, -1
