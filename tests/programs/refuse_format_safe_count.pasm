; SAFE says two records and holds one.
; error E_PROG_FORMAT
input x f32[2]
output y f32[2] actuator low -1 high 1 safe 0
tanh y, x
raw SAFE 0 = 02
