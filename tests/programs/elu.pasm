; x > 0 ? x : alpha · (exp(x) − 1); far below zero exp is exactly +0.
input  x f32[3]
output y f32[3]
elu y, x, 1.5
; tick x 2 0 -100 -> y 2 0 -1.5
; near 1e-6
; tick x -1 -0.1 -5 -> y -0.9481808 -0.14274387 -1.4898931
