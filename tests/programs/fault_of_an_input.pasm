; A non-finite input runs nothing: safe action, zeros elsewhere, state as it was.
input  x f32[1]
output y f32[1] actuator low -9 high 9 safe 0.5
output z f32[1]
state  n f32[1]
arena  m f32[1]
add m, n, x
copy y, m
copy z, m
copy n, m
; tick x 1 -> y 1 z 1
; tick x 0x7f800000 -> y 0.5 z 0
; tick x 0x7fc00000 -> y 0.5 z 0
; faults 2
; tick x 2 -> y 3 z 3
; faults 2
