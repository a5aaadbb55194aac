; The gain of rms_norm is as long as its operand.
; error E_PROG_SHAPE
input  x f32[4]
output y f32[4]
const  gain f32[3] = 1
rms_norm y, x, gain, 1e-6
