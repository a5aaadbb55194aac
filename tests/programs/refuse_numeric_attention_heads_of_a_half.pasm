; error E_PROG_NUMERIC
input  x f32[3,4]
output y f32[3,4]
attention y, x, x, x, 0.5, 1, 0, 0, 0
