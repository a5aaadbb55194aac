; A state is written after its last read.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
state s f32[2]
arena h f32[2]
add h, x, s
copy s, x
add y, h, s
