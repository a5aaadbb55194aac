; The gain is of one row.
; error E_PROG_SHAPE
input  x f32[3,2]
output y f32[3,2]
const  gain f32[6] = 1
rms_norm y, x, gain, 1e-6
