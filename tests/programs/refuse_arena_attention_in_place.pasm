; A later token still reads what the first would write over.
; error E_PROG_ARENA
input  x f32[3,4]
output y f32[3,4]
arena  a f32[3,4] @ 0
arena  b f32[3,4] @ 0
relu a, x
attention b, a, a, a, 2, 1, 0, 0, 0
relu y, b
