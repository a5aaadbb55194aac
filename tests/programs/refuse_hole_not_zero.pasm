; Bytes between constants are zero.
; error E_HOLE
input  x f32[2]
output y f32[2]
const a f32[2] = 1
const b f32[2] = 1
arena h f32[2]
add h, x, a
add y, h, b
raw CONST_F32 40 = 01
