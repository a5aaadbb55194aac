; The scores are 1e40, infinite, and a softmax would make 0.5 of them.
input  x f32[2,1]
output y f32[2,1] actuator low -1 high 1 safe 0.25
attention y, x, x, x, 1, 1, 0, 0, 0
; tick x 1e20 1e20 -> y 0.25 0.25
; faults 1
; tick x 0.5 0.5 -> y 0.5 0.5
; faults 1
