; Five results share one place, each exactly over the operand that dies there.
input  x f32[3]
output y f32[3]
const  low  f32[3] = -1
const  high f32[3] = 1
arena  a f32[3] @ 0
arena  b f32[3] @ 0
arena  c f32[3] @ 0
arena  d f32[3] @ 0
relu a, x
add b, a, a
clamp c, b, low, high
mul d, c, c
copy y, d
; tick x 0.25 5 -5 -> y 0.25 1 0
