; An arena ends below 2^32.
; error E_PROG_BOUNDS
input  x f32[2]
output y f32[2]
arena a f32[2] @ 4294967292
relu a, x
tanh y, a
