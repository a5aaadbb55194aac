; max_delta is at least 0.
; error E_PROG_SAFE
input x f32[2]
output y f32[2] actuator low -1 high 1 safe 0 max_delta -1
tanh y, x
