; Neighbours out of a vector, from the start, the middle and the end.
input  x f32[5]
output a f32[2]
output b f32[2]
output c f32[1]
slice a, x, 0
slice b, x, 2
slice c, x, 4
; tick x 1 2 3 4 5 -> a 1 2 b 3 4 c 5
