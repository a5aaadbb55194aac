; op_index strictly increases.
; error E_PROG_SLOT
input  x f32[2]
output y f32[2]
const w f32[2,2] = 1
fc: linear y, x, w
slot fc max_rank 1
slot fc max_rank 1
