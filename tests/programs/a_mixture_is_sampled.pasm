; A component by its weight, then a Gaussian around its mean.
input  logits f32[3]
input  mean f32[3,2]
input  std f32[3,2]
output y f32[1,2]
const  minus f32[3] = -1
arena  u f32[3]
arena  a f32[3]
arena  b f32[3]
arena  c f32[3]
arena  d f32[3]
arena  k i32[1]
arena  m f32[1,2]
arena  s f32[1,2]
arena  z f32[1,2]
arena  noise f32[1,2]
uniform u
log a, u
mul b, a, minus
log c, b
sub d, logits, c
argmax k, d
gather m, mean, k
normal z
gather s, std, k
mul noise, s, z
add y, m, noise
; near 2e-6
; tick logits 0 0.5 1 mean 0 0 10 20 0 0 std 0 0 1 2 0 0 -> y 11.10941498 21.42365229
; tick logits 0 0.5 1 mean 0 0 10 20 0 0 std 0 0 1 2 0 0 -> y 10.53366962 19.89779886
