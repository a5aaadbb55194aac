; Nothing hides behind the zero of a name.
; error E_PROG_FORMAT
input  x f32[2]
output y f32[2]
tanh y, x
raw IO 5 = 41
