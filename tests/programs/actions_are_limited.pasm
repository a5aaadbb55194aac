; An actuator never leaves its limits, whatever the program says; other outputs are left alone.
input  x f32[2]
output y f32[2] actuator low -1 -2 high 1 2 safe 0
output z f32[2]
copy y, x
copy z, x
; tick x 5 -5 -> y 1 -2 z 5 -5
; tick x 0.5 -0.5 -> y 0.5 -0.5 z 0.5 -0.5
