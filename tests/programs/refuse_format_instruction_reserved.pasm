; The field after n_out is reserved.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 6 = 01
