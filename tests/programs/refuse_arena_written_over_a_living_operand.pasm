; b lies over a, which is read once more.
; error E_PROG_ARENA
input  x f32[2]
output y f32[2]
arena a f32[2] @ 0
arena b f32[2] @ 0
relu a, x
tanh b, a
add y, a, b
