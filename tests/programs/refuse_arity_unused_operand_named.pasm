; An operand beyond n_in must be 0xFFFF.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 10 = 00 00
