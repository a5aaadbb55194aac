; Exactly ±1 far out, +0 at both zeros.
input  x f32[4]
output y f32[4]
tanh y, x
; tick x 0 -0 100 -100 -> y 0 0 1 -1
; near 3e-7
; tick x 1 -1 0.25 -3 -> y 0.76159416 -0.76159416 0.24491866 -0.99505475
