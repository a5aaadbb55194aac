; An io is an input or an output.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw IO 32 = 02
