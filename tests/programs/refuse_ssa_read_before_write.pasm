; h is read one instruction too early.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
arena h f32[2]
tanh y, h
relu h, x
