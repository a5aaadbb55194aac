; Inputs are f32.
; error E_PROG_IO
input x i32[2]
output y f32[2]
tanh y, x
