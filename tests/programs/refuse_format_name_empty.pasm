; An io has a name.
; error E_PROG_FORMAT
input x f32[2] name ""
output y f32[2]
tanh y, x
