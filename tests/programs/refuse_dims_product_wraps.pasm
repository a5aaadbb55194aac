; 65537 · 65536 is 65536 in 32 bits.
; error E_PROG_DIMS
input  x f32[2]
output y f32[2]
const w i8[65537,65536] scale s
const s f32[2] = 1
linear y, x, w
