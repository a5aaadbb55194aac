; Three keys, two values.
; error E_PROG_SHAPE
input  x f32[3,4]
input  v f32[2,4]
output y f32[3,4]
attention y, x, x, v, 2, 1, 0, 0, 0
