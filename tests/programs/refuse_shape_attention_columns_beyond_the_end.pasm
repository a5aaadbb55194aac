; Keys from column 1 on would need a fifth.
; error E_PROG_SHAPE
input  x f32[3,4]
output y f32[3,4]
attention y, x, x, x, 2, 1, 0, 1, 0
