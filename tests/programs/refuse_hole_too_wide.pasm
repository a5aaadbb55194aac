; A gap between constants is below 64 bytes.
; error E_HOLE
input  x f32[2]
output y f32[2]
const a f32[2] = 1
const b f32[2] @ 128 = 1
arena h f32[2]
add h, x, a
add y, h, b
