; Vectors one after the other; constants and repeats may be among them.
input  a f32[2]
input  b f32[1]
output y f32[6]
const  k f32[1] = 7
concat y, a, b, k, a
; tick a 1 2 b 3 -> y 1 2 3 7 1 2
