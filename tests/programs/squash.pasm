; y = tanh(x) · scale + offset; tanh is exactly 0 at 0 and ±1 far out.
input  x f32[4]
output y f32[4]
const  scale  f32[4] = 2 2 2 -3
const  offset f32[4] = 0.5 0.5 0.5 1
squash y, x, scale, offset
; tick x 0 50 -50 50 -> y 0.5 2.5 -1.5 -2
; near 1e-6
; tick x 0.5 -0.5 1 0 -> y 1.4242343 -0.42423432 2.0231884 1
