; y = a − b, element by element.
input  a f32[3]
input  b f32[3]
output y f32[3]
sub y, a, b
; tick a 1 -2 0.5 b 2 2 0.25 -> y -1 -4 0.25
