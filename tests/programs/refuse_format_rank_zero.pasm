; A tensor has rank 1 to 4.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw TENS 1 = 00
