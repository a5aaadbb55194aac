; The same operand twice.
input  x f32[2]
output y f32[2]
mul y, x, x
; tick x 3 -4 -> y 9 16
