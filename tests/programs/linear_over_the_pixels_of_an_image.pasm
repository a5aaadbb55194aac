; A convolution of 1 × 1, each pixel with a scale of its own.
input  x f32[2,1,2]
output y f32[2,1,1]
const  w i8[1,2] scale s = 1 2
const  s f32[1] = 1
linear y, x, w
; tick x 127 1 254 2 -> y 129 258
