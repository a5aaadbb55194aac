; A gate of 3e38 + 3e38 is infinite; its sigmoid would be 1, so both halves note the gates they read.
input  x f32[4]
input  c f32[1]
output y f32[1] actuator low -1 high 1 safe 0.25
arena  g f32[4]
arena  n f32[1]
add g, x, x
lstm_cell n, g, g, c
lstm_hidden y, g, g, n
; tick x 0 0 0 0 c 0 -> y 0
; tick x 3e38 0 0 0 c 0 -> y 0.25
; tick x 0 -3e38 0 0 c 0 -> y 0.25
; tick x 0 0 3e38 0 c 0 -> y 0.25
; tick x 0 0 0 3e38 c 0 -> y 0.25
; faults 4
