; uniform takes no operand.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
uniform y, x
