; By zero is a fault, for the quotient is not finite.
input  a f32[2]
input  b f32[2]
output y f32[2]
div y, a, b
; tick a 1 -3 b 4 2 -> y 0.25 -1.5
; tick a 1 1 b 3 -0.125 -> y 0x3eaaaaab -8
; tick a 1 0 b 1 0 -> y 0 0
; faults 1
