; y = a · b, element by element.
input  a f32[3]
input  b f32[3]
output y f32[3]
mul y, a, b
; tick a 1 -2 0.5 b 2 2 0.25 -> y 2 -4 0.125
