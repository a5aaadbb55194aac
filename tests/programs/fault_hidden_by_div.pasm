; 1 / (3e38 + 3e38) is 0, which is finite: div notes both its operands.
input  a f32[1]
input  x f32[1]
output y f32[1] actuator low -1 high 1 safe 0.25
arena  b f32[1]
add b, x, x
div y, a, b
; tick a 1 x 3e38 -> y 0.25
; tick a 1 x 2 -> y 0.25
; faults 1
