; A tensor has at least one element.
; error E_PROG_DIMS
input x f32[0]
output y f32[0]
tanh y, x
