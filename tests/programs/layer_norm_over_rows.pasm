input  x f32[2,2]
output y f32[2,2]
const  gain f32[2] = 1 2
const  bias f32[2] = 0 0.5
layer_norm y, x, gain, bias, 1e-12
; tick x 1 -1 -1 1 -> y 1 -1.5 -1 2.5
; near 1e-6
; tick x 5 3 200 200 -> y 1 -1.5 0 0.5
