; A non-finite action is never given out.
input  x f32[1]
output y f32[1] actuator low -1 high 1 safe -0.5
mul y, x, x
; tick x 1 -> y 1
; tick x 3e38 -> y -0.5
; faults 1
