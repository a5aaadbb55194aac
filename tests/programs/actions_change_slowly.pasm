; max_delta bounds the change from the last action that left; 0 bounds nothing; reset forgets.
input  x f32[2]
output y f32[2] actuator low -10 high 10 safe 0 max_delta 1 0
copy y, x
; tick x 5 5 -> y 5 5
; tick x 9 9 -> y 6 9
; tick x -9 -9 -> y 5 -9
; tick x 5.5 0 -> y 5.5 0
; reset
; tick x -9 1 -> y -9 1
