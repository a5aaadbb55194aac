; Random numbers are f32.
; error E_PROG_SHAPE
input  x f32[1]
output y f32[1]
output z i32[1]
copy y, x
normal z
