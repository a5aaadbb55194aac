; A state is written once.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
state s f32[2]
add y, x, s
copy s, x
relu s, x
