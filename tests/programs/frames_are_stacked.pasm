; The last three observations together: two are kept, the oldest is dropped.
input  x f32[2]
output y f32[6]
state  old f32[4]
arena  all f32[6]
concat all, old, x
copy y, all
strided old, all, 2, 0, 0, 0, 1
; tick x 1 2 -> y 0 0 0 0 1 2
; tick x 3 4 -> y 0 0 1 2 3 4
; tick x 5 6 -> y 1 2 3 4 5 6
; tick x 7 8 -> y 3 4 5 6 7 8
; reset
; tick x 9 9 -> y 0 0 0 0 9 9
