; A shift register: what is read of a state is always what it was at the start of the tick.
input  x f32[1]
output y f32[1]
state  a f32[1]
state  b f32[1]
arena  t f32[1]
copy y, b
copy t, a
copy b, t
copy a, x
; tick x 1 -> y 0
; tick x 2 -> y 0
; tick x 3 -> y 1
; tick x 4 -> y 2
