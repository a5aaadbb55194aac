; Not a number: a fault.
input  x f32[1]
output y f32[1]
sqrt y, x
; tick x 9 -> y 3
; tick x -1 -> y 0
; tick x -0 -> y -0
; faults 1
