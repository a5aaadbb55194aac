; low ≤ safe ≤ high.
; error E_PROG_SAFE
input x f32[2]
output y f32[2] actuator low 1 high -1 safe 0
tanh y, x
