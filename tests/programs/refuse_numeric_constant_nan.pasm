; Constants are finite.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const k f32[2] = 0x7fc00000 1
add y, x, k
