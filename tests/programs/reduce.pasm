; Sum, mean and largest of each row; of a vector, of all.
input  x f32[2,3]
input  v f32[5]
output s f32[2]
output m f32[2]
output l f32[2,1]
output n f32[1]
reduce_sum s, x
reduce_mean m, x
reduce_max l, x
reduce_max n, v
; tick x 1 2 3 -4 -5 -6 v -1 -3 -0.5 -7 -2 -> s 6 -15 m 2 -5 l 3 -4 n -0.5
; tick x 1e30 1 -1e30 0 0 0 v 0 0 0 0 1 -> s 1 0 m 0x3eaaaaab 0 l 1e30 0 n 1
