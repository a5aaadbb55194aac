; One more than kernels take at a time.
input  x f32[17,1]
output y f32[17,1]
const  w i8[1,1] scale s = 2
const  s f32[1] = 0.5
linear y, x, w
; near 1e-5
; tick x 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 -> y 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
