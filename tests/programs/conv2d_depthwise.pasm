; As many groups as channels: each output channel sees one of them.
input  x f32[1,2,3]
output y f32[1,1,3]
const  w i8[3,1,2,1] scale s = 1 2  3 4  5 6
const  s f32[3] = 1
conv2d y, x, w, 1, 1, 0, 0, 0, 0, 1, 1
; tick x 1 10 100 2 20 127 -> y 5 110 1262
