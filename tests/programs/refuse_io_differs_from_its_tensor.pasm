; The io says 3 elements, its tensor has 2.
; error E_PROG_IO
input  x f32[2]
output y f32[2]
tanh y, x
raw IO 40 = 03
