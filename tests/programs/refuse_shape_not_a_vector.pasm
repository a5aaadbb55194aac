; Operands have rank 1.
; error E_PROG_SHAPE
input x f32[1,2]
output y f32[2]
tanh y, x
