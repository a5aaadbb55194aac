; z is never written.
; error E_PROG_DEAD
input x f32[2]
output y f32[2]
output z f32[2]
tanh y, x
