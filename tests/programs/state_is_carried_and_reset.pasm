; A running sum: the state of a tick is that of the next one, until reset.
input  x f32[1]
output y f32[1]
state  n f32[1]
arena  m f32[1]
add m, n, x
copy y, m
copy n, m
; tick x 1 -> y 1
; tick x 2 -> y 3
; tick x 4 -> y 7
; reset
; tick x 5 -> y 5
