; tanh gives f32.
; error E_PROG_SHAPE
input x f32[1]
output y i32[1]
tanh y, x
