; An image from [channels, height, width] to [height, width, channels] and back.
input  x f32[2,1,3]
output y f32[1,3,2]
output z f32[2,1,3]
arena  i f32[1,3,2]
strided i, x, 0, 0, 3, 1, 3
strided z, i, 0, 0, 1, 6, 2
copy y, i
; tick x 1 2 3 4 5 6 -> y 1 4 2 5 3 6 z 1 2 3 4 5 6
