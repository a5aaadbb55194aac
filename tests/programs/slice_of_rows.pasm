; Whole rows are neighbours too, and what is cut out may have any shape.
input  x f32[3,2]
output y f32[2,2]
output z f32[1]
slice y, x, 2
slice z, x, 5
; tick x 1 2 3 4 5 6 -> y 3 4 5 6 z 6
