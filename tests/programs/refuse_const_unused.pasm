; Every constant is used.
; error E_PROG_CONST_ORDER
input  x f32[2]
output y f32[2]
const k f32[2] = 1
tanh y, x
