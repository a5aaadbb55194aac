; Constants are finite.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const k f32[2] = 1 0xff800000
add y, x, k
