; elu has one immediate.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
elu y, x, 1, 1
