; Names are distinct.
; error E_PROG_IO
input x f32[2] name "n"
output y f32[2] name "n"
tanh y, x
