; An actuator has limits.
; error E_PROG_SAFE
input x f32[2]
output y f32[2] actuator
tanh y, x
