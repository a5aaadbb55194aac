; There is no storage 5.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw TENS 2 = 05
