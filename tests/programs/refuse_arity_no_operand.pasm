; concat takes at least one.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
concat y
