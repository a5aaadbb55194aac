; a and b live together and share 4 bytes.
; error E_PROG_ARENA
input  x f32[2]
output y f32[2]
arena a f32[2] @ 0
arena b f32[2] @ 4
relu a, x
relu b, x
add y, a, b
