; Exactly a half at 0 and 1 far out; far below it stays above zero.
input  x f32[3]
output y f32[3]
sigmoid y, x
; tick x 0 100 30 -> y 0.5 1 1
; near 1e-7
; tick x 1 -1 -100 -> y 0.73105858 0.26894143 0
