; A concat may not write over its first part.
; error E_PROG_ARENA
input x f32[2]
output y f32[2]
arena a f32[2] @ 0
arena b f32[2] @ 0
relu a, x
concat b, a
tanh y, b
