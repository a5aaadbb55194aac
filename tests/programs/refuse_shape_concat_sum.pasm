; A concat is as long as its parts.
; error E_PROG_SHAPE
input x f32[2]
output y f32[3]
concat y, x, x
