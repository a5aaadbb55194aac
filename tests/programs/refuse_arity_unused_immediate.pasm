; relu has no immediate.
; error E_PROG_ARITY
input  x f32[2]
output y f32[2]
relu y, x, 1
