; There are two tensors.
; error E_PROG_IO
input  x f32[2]
output y f32[2]
tanh y, x
raw IO 56 = 02 00
