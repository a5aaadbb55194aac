; max_rank is at least 1.
; error E_PROG_SLOT
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
fc: linear y, x, w
slot fc max_rank 0
