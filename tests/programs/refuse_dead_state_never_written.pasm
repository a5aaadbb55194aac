; A state that nothing writes.
; error E_PROG_DEAD
input  x f32[2]
output y f32[2]
state s f32[2]
add y, x, s
