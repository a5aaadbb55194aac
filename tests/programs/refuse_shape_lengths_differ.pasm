; 2 + 3 elements.
; error E_PROG_SHAPE
input a f32[2]
input b f32[3]
output y f32[2]
add y, a, b
