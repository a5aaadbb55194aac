; Two constants share a place.
; error E_PROG_CONST_ORDER
input  x f32[2]
output y f32[2]
const a f32[2] @ 0 = 1
const b f32[2] @ 0 = 1
arena h f32[2]
add h, x, a
add y, h, b
