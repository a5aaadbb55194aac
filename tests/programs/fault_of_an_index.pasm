; An index below 0, beyond the last row, or between two is a fault, and nothing is read.
input  i f32[1]
output y f32[1] actuator low -9 high 9 safe -1
const  t f32[2] = 5 6
gather y, t, i
; tick i 0 -> y 5
; tick i 1 -> y 6
; faults 0
; tick i 2 -> y -1
; tick i -1 -> y -1
; tick i 0.5 -> y -1
; tick i 3e38 -> y -1
; faults 4
; tick i 1 -> y 6
