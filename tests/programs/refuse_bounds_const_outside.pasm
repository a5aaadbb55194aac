; The constant says 2 elements, its section holds 1.
; error E_PROG_BOUNDS
input  x f32[2]
output y f32[2]
const k f32[1] = 1
add y, x, k
raw TENS 68 = 02
