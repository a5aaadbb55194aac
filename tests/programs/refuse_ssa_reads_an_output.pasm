; Outputs are never read.
; error E_PROG_SSA
input x f32[2]
output y f32[2]
output z f32[2]
tanh y, x
relu z, y
