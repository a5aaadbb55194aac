; 66,573 · 254 · 127 exceeds 2^31.
; error E_PROG_ACCUMULATOR
input x f32[66573]
output y f32[1]
const w i8[1,66573] scale s = 1
const s f32[1] = 1
linear y, x, w
