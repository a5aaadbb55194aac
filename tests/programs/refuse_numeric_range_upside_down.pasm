; The range of an io goes up.
; error E_PROG_NUMERIC
input x f32[2] range 1 -1
output y f32[2]
tanh y, x
