; Constants lie in order of first use; the first one used lies second, so a gap comes before it.
; error E_HOLE
input  x f32[2]
output y f32[2]
const a f32[2] @ 64 = 1
const b f32[2] @ 0 = 1
arena h f32[2]
add h, x, a
add y, h, b
