; copy is not on the list of what may write in place.
; error E_PROG_ARENA
input  x f32[2]
output y f32[2]
arena a f32[2] @ 0
arena b f32[2] @ 0
relu a, x
copy b, a
tanh y, b
