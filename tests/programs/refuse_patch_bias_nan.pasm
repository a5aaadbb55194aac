; A bias delta is finite.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
fc: linear y, x, w
slot fc max_rank 1
lora A i8[1,2] scale As = 1
lora As f32[1] = 1
lora B i8[2,1] scale Bs = 1
lora Bs f32[2] = 1
lora d f32[2] = 0x7fc00000
patch fc, A, B, d scale 1
