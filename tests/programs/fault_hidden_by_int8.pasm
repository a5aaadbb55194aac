; QUANT of an infinite vector would give zeros: the fault is noted there.
input  x f32[1]
output y f32[1] actuator low -1 high 1 safe 0.5
const  w i8[1,1] scale s = 1
const  s f32[1] = 1
arena  a f32[1]
add a, x, x
linear y, a, w
; tick x 0 -> y 0
; tick x -3e38 -> y 0.5
; faults 1
