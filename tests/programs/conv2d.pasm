; The largest |x| is 127, so s = 1 and q = x: exact whole numbers. A 2 × 2 kernel over one channel.
input  x f32[3,3,1]
output y f32[2,2,2]
const  w i8[2,2,2,1] scale s = 1 2 3 4  -1 0 0 1
const  s f32[2] = 1 0.5
const  b f32[2] = 0 100
conv2d y, x, w, b, 1, 1, 0, 0, 0, 0, 1, 1
; tick x 1 2 3 4 5 6 7 8 127 -> y 37 102 47 102 67 102 549 161
