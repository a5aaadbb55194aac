; eps is what keeps a vector of zeros finite.
; error E_PROG_NUMERIC
input  x f32[4]
output y f32[4]
const  gain f32[4] = 1
rms_norm y, x, gain, 0
