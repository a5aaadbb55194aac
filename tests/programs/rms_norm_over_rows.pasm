input  x f32[2,4]
output y f32[2,4]
const  gain f32[4] = 1 1 1 2
rms_norm y, x, gain, 1e-12
; tick x 1 -1 1 1 -1 1 1 -1 -> y 1 -1 1 2 -1 1 1 -2
; near 1e-6
; tick x 2 2 2 2 0 0 0 0 -> y 1 1 1 2 0 0 0 0
