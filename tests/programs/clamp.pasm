; y = min(max(x, low), high)
input  x f32[4]
output y f32[4]
const  low  f32[4] = -1 -1 0 2
const  high f32[4] = 1 1 0 3
clamp y, x, low, high
; tick x -5 5 7 2.5 -> y -1 1 0 2.5
