; x > 0 ? x : alpha · x
input  x f32[3]
output y f32[3]
leaky_relu y, x, 0.25
; tick x 2 -2 -0 -> y 2 -0.5 -0
