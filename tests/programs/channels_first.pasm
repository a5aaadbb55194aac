; [1, 3, 2] to [2, 1, 3], and to a vector.
input  x f32[1,3,2]
output y f32[2,1,3]
output z f32[6]
channels_first y, x
channels_first z, x
; tick x 1 4 2 5 3 6 -> y 1 2 3 4 5 6 z 1 2 3 4 5 6
