; Constants are never written.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
const k f32[2] = 1
add y, x, k
relu k, x
