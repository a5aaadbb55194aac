; What left the actuator counts for the rate limit, also when it was the safe action.
input  x f32[1]
output y f32[1] actuator low -10 high 10 safe 2 max_delta 1
copy y, x
; tick x 8 -> y 8
; tick x 0x7fc00000 -> y 2
; tick x 8 -> y 3
