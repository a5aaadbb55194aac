; Two rows of three have two sums.
; error E_PROG_SHAPE
input  x f32[2,3]
output y f32[3]
reduce_sum y, x
