; tanh of 2 elements gives 2.
; error E_PROG_SHAPE
input x f32[2]
output y f32[3]
tanh y, x
