; [2, 1, 3] to [1, 3, 2], and a vector the same way.
input  x f32[2,1,3]
input  v f32[6]
output y f32[1,3,2]
output z f32[3,1,2]
channels_last y, x
channels_last z, v
; tick x 1 2 3 4 5 6 v 1 2 3 4 5 6 -> y 1 4 2 5 3 6 z 1 4 2 5 3 6
