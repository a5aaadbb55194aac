; Immediates are finite.
; error E_PROG_NUMERIC
input  x f32[2]
output y f32[2]
elu y, x, 0x7fc00000
