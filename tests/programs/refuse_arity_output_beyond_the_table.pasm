; Two tensors; the output is the third.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 24 = 02 00
