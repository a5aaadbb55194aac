; There is no opcode 255.
; error E_PROG_OPCODE
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 0 = FF 00
