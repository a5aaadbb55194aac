; Four columns in three heads.
; error E_PROG_SHAPE
input  x f32[3,4]
output y f32[3,4]
attention y, x, x, x, 3, 1, 0, 0, 0
