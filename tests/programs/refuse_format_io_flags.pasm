; An io has one flag.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw IO 130 = 02
