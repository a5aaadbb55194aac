; y = W x + b in f32; products and sums of small whole numbers are exact.
input  x f32[3]
output y f32[2]
const  w f32[2,3] = 1 2 3  -4 5 -6
const  b f32[2] = 0.5 -0.5
linear y, x, w, b
; tick x 1 1 1 -> y 6.5 -5.5
; tick x 0 0 2 -> y 6.5 -12.5
; tick x 0 0 0 -> y 0.5 -0.5
