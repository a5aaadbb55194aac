; The smaller and the larger of two; of two zeros the second.
input  a f32[3]
input  b f32[3]
output low  f32[3]
output high f32[3]
min low, a, b
max high, a, b
; tick a 1 -2 0 b 2 -3 -0 -> low 1 -3 -0 high 2 -2 -0
; tick a -0 5 5 b 0 5 -5 -> low 0 5 -5 high 0 5 5
