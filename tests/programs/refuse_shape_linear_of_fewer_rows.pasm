; Three rows go in and two come out.
; error E_PROG_SHAPE
input  x f32[3,2]
output y f32[2,1]
const  w f32[1,2] = 1
linear y, x, w
