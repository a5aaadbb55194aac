; r = z = 1/2 and c = 0 when all gates are 0, so h halves; z = 1 keeps it, z = 0 takes c.
input  gi f32[6]
input  gh f32[6]
input  h  f32[2]
output y  f32[2]
gru y, gi, gh, h
; tick gi 0 0 0 0 0 0 gh 0 0 0 0 0 0 h 2 -4 -> y 1 -2
; tick gi 0 0 90 90 0 0 gh 0 0 10 10 0 0 h 2 -4 -> y 2 -4
; tick gi 0 0 -90 -90 50 -50 gh 0 0 -10 -10 0 0 h 0.5 0.5 -> y 1 -1
; near 1e-6
; tick gi 0.1 0.2 0.3 -0.4 0.5 0.6 gh 0.5 0.4 0.3 0.2 0.1 -0.1 h 1 -1 -> y 0.82685246 -0.18100897
