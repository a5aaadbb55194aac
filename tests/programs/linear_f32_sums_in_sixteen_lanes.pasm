; SUM adds lane by lane: lane 0 takes elements 0 and 16, so 2^24 + 1 + 1 loses both ones there, but keeps
; them when the second one sits in lane 1 and the lanes are added as 2^24 + (1 + 1).
input  x f32[17]
output y f32[1]
const  w f32[1,17] = 1
linear y, x, w
; tick x 16777216 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 -> y 16777216
; tick x 16777216 1 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 -> y 16777218
