; Two channels, windows of 2 × 2, side by side; then padded, where padding does not count.
input  x f32[2,4,2]
output y f32[1,2,2]
output z f32[3,3,2]
max_pool2d y, x, 2, 2, 2, 2, 0, 0, 0, 0
max_pool2d z, x, 2, 2, 1, 2, 1, 1, 1, 1
; tick x 1 -1 2 -2 3 -3 4 -4 5 -5 6 -6 7 -7 8 -8 -> y 6 -1 8 -3 z 1 -1 3 -2 4 -4 5 -1 7 -2 8 -4 5 -5 7 -6 8 -8
