; What is chosen must be as long as the condition.
; error E_PROG_SHAPE
input  c f32[2]
input  a f32[3]
output y f32[2]
select y, c, a, c
