; An index has no rate limit.
; error E_PROG_SAFE
input x f32[2]
output y i32[1] actuator low 0 high 1 safe 0 max_delta 1
argmax y, x
