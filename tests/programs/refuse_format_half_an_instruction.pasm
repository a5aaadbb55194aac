; PROG ends inside a record.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw PROG 64 = 00
