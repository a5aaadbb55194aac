; States are packed from 0.
; error E_PROG_BOUNDS
input  x f32[2]
output y f32[2]
state s f32[2] @ 4
add y, x, s
copy s, x
