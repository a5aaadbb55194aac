; A section of constants that nothing names.
; error E_PROG_CONST_ORDER
input  x f32[2]
output y f32[2]
tanh y, x
raw CONST_I32 0 = 00 00 00 00
