; argmax gives one index.
; error E_PROG_SHAPE
input x f32[2]
output y i32[2]
argmax y, x
