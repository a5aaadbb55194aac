; Inputs are packed without gaps.
; error E_PROG_BOUNDS
input a f32[2]
input b f32[2] @ 16
output y f32[2]
add y, a, b
