; The three largest, the first of equal ones first, and their values.
input  x f32[5]
output i i32[3]
output v f32[3]
arena  k i32[3]
top_k k, x
gather v, x, k
top_k i, x
; tick x 1 5 3 5 4 -> i 1 3 4 v 5 5 4
; tick x 0 -0 0 -1 0 -> i 0 1 2 v 0 -0 0
; tick x -5 -4 -3 -2 -1 -> i 4 3 2 v -1 -2 -3
