; Arena offsets are multiples of 4.
; error E_PROG_BOUNDS
input  x f32[2]
output y f32[2]
arena a f32[2] @ 2
relu a, x
tanh y, a
