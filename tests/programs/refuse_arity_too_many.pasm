; tanh takes one operand.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
tanh y, x, x
