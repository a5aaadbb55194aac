; The mean of what is there: padding does not count.
input  x f32[2,2,2]
output y f32[1,1,2]
output z f32[2,2,2]
avg_pool2d y, x, 2, 2, 1, 1, 0, 0, 0, 0
avg_pool2d z, x, 2, 2, 2, 2, 1, 1, 1, 1
; tick x 1 10 2 20 3 30 6 40 -> y 3 25 z 1 10 2 20 3 30 6 40
