; A slot is on a linear.
; error E_PROG_SLOT
input  x f32[2]
output y f32[2]
fc: tanh y, x
slot fc max_rank 1
