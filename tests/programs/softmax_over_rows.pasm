input  x f32[3,2]
output y f32[3,2]
softmax y, x
; tick x 1 1 3e38 -3e38 -5 -5 -> y 0.5 0.5 1 0 0.5 0.5
