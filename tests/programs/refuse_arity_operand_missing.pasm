; An operand within n_in must be a tensor.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 8 = ff ff
