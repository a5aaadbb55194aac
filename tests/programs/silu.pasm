; x · sigmoid(x)
input  x f32[3]
output y f32[3]
silu y, x
; tick x 0 100 1000 -> y 0 100 1000
; near 1e-6
; tick x 1 -1 -100 -> y 0.7310586 -0.26894143 0
