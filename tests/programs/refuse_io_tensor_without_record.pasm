; z has no io.
; error E_PROG_IO
input  x f32[2]
output y f32[2]
tanh y, x
raw TENS 64 = 03 01 03 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 08 00 00 00 ff ff 00 00 00 00 00 00
