; y = (x − mean) · scale
input  x f32[3]
output y f32[3]
const  mean  f32[3] = 1 2 -3
const  scale f32[3] = 2 0.5 -1
normalize y, x, mean, scale
; tick x 1 4 0 -> y 0 1 -3
