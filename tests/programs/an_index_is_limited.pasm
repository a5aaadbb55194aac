; A discrete actuator may be kept from some of its choices.
input  x f32[3]
output y i32[1] actuator low 0 high 1 safe 1
argmax y, x
; tick x 0 0 9 -> y 1
; tick x 9 0 0 -> y 0
