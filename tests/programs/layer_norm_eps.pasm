; eps is what keeps a flat vector finite: (x − mu) / sqrt(v + 1) with v = 3.
input  x f32[2]
output y f32[2]
const  gain f32[2] = 1
const  bias f32[2] = 0
layer_norm y, x, gain, bias, 1
; near 1e-6
; tick x 1.7320508 -1.7320508 -> y 0.8660254 -0.8660254
