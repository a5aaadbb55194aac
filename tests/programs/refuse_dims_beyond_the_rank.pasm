; Dimensions beyond the rank are 1.
; error E_PROG_DIMS
input  x f32[2]
output y f32[2]
tanh y, x
raw TENS 8 = 02
