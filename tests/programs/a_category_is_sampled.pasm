; argmax(logits − log(−log u)) is k with the probability softmax(logits)_k: Gumbel's maximum.
input  logits f32[4]
output choice i32[1]
const  minus f32[4] = -1
arena  u f32[4]
arena  a f32[4]
arena  b f32[4]
arena  c f32[4]
arena  d f32[4]
uniform u
log a, u
mul b, a, minus
log c, b
sub d, logits, c
argmax choice, d
; tick logits 0 1 -1 0.5 -> choice 1
; tick logits 0 1 -1 0.5 -> choice 1
; tick logits 0 1 -1 0.5 -> choice 1
; tick logits 0 1 -1 0.5 -> choice 0
; tick logits 0 1 -1 0.5 -> choice 0
; tick logits 0 1 -1 0.5 -> choice 1
; reset
; tick logits 99 1 1 1 -> choice 0
; tick logits 1 1 99 1 -> choice 2
