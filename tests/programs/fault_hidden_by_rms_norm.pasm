; The square of 1e30 is infinite, and a division by its root gives 0: the norm notes the mean square.
input  x f32[2]
output y f32[2] actuator low -1 high 1 safe 0.25
const  gain f32[2] = 1
rms_norm y, x, gain, 1e-6
; tick x 1e30 0 -> y 0.25 0.25
; faults 1
