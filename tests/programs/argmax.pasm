; The first of the largest; +0 is not larger than -0.
input  x f32[4]
output y i32[1]
argmax y, x
; tick x 1 5 5 2 -> y 1
; tick x -3 -2 -1 -4 -> y 2
; tick x -0 0 0 0 -> y 0
; tick x 0 0 0 1 -> y 3
