; max(x, +0): a negative zero comes out positive.
input  x f32[4]
output y f32[4]
relu y, x
; tick x 1.5 -1.5 0 -0 -> y 1.5 0 0 0
