; h is written and never read.
; error E_PROG_DEAD
input  x f32[2]
output y f32[2]
arena h f32[2]
tanh y, x
relu h, x
