; The end of a slot record is reserved.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
fc: linear y, x, w
slot fc max_rank 1
raw SLOTS 12 = 01
