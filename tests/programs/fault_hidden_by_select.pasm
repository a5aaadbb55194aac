; A condition that is infinite chooses, and is noted.
input  c f32[1]
output y f32[1] actuator low 0 high 2 safe 0.25
const  one f32[1] = 1
const  two f32[1] = 2
arena  sum f32[1]
add sum, c, c
select y, sum, one, two
; tick c 5 -> y 1
; tick c -5 -> y 2
; tick c 3e38 -> y 0.25
; faults 1
