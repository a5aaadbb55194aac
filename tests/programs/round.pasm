; To the nearest whole number, of two to the even one.
input  x f32[8]
output y f32[8]
round y, x
; tick x 0.4 0.5 0.6 1.5 2.5 -0.5 -1.5 -2.6 -> y 0 0 1 2 2 -0 -2 -3
; tick x 8388607.5 8388608 16777216 -4194303.5 3e38 -0.49999997 0 1e-40 -> y 8388608 8388608 16777216 -4194304 3e38 -0 0 0
