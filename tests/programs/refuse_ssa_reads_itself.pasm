; An instruction reads what it writes.
; error E_PROG_SSA
input  x f32[2]
output y f32[2]
arena h f32[2]
add h, h, x
copy y, h
