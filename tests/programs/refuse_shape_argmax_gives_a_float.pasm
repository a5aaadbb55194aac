; argmax gives i32.
; error E_PROG_SHAPE
input x f32[2]
output y f32[1]
argmax y, x
