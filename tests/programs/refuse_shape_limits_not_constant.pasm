; The limits of a clamp are constant.
; error E_PROG_SHAPE
input  x f32[2]
output y f32[2]
clamp y, x, x, x
