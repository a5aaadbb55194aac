; The mean square of 3, 4, 0, 0 and their negatives is 6.25: its root is 2.5.
input  x f32[4]
output y f32[4]
const  gain f32[4] = 1 2 1 -1
rms_norm y, x, gain, 1e-12
; near 1e-6
; tick x 3 4 0 0 -> y 1.2 3.2 0 0
; tick x -3 0 0 4 -> y -1.2 0 0 -1.6
; tick x 0 0 0 0 -> y 0 0 0 0
