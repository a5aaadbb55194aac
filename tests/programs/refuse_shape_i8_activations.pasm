; Only constants may be i8.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
arena h i8[2]
relu h, x
tanh y, h
