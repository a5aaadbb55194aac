; As many operands as an instruction holds.
input  a f32[1]
output y f32[8]
concat y, a, a, a, a, a, a, a, a
; tick a -0 -> y -0 -0 -0 -0 -0 -0 -0 -0
