; Only the new state overflows: the tick is a fault all the same, and the state stays.
input  x f32[1]
output y f32[1] actuator low -1 high 1 safe 0.5
state  n f32[1]
arena  m f32[1]
mul m, x, x
tanh y, n
copy n, m
; tick x 0 -> y 0
; tick x 100 -> y 0
; tick x 3e38 -> y 0.5
; tick x 0 -> y 1
; faults 1
