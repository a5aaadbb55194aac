; Inputs are never written.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
tanh y, x
relu x, x
