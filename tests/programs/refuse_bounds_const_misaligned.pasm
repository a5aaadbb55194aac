; Constants lie at multiples of 64.
; error E_PROG_BOUNDS
input  x f32[2]
output y f32[2]
const k f32[2] @ 32 = 1
add y, x, k
