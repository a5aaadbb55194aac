; 3e38 + 3e38 is infinite; the clamp would hide it, so it notes it: safe action, not the limit.
input  x f32[1]
output y f32[1] actuator low -1 high 1 safe 0.25
const  low  f32[1] = -1
const  high f32[1] = 1
arena  a f32[1]
add a, x, x
clamp y, a, low, high
; tick x 1 -> y 1
; tick x 3e38 -> y 0.25
; faults 1
