; The four largest of three.
; error E_PROG_SHAPE
input  x f32[3]
output y i32[4]
top_k y, x
