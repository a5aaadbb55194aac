; Nothing lies behind the last constant.
; error E_PROG_CONST_ORDER
input  x f32[2]
output y f32[2]
const a f32[2] = 1
add y, x, a
raw CONST_F32 8 = 00
