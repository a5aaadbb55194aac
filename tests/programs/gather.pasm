; Rows of a table by number: of int8 with a scale for each row, of f16, of f32, and of a value.
input  i f32[2]
input  x f32[3,2]
output a f32[2,3]
output b f32[2,3]
output c f32[2]
output d f32[2,2]
const  q i8[3,3] scale qs = 1 2 3  -4 5 -6  127 -127 0
const  qs f32[3] = 1 0.5 2
const  h f16[3,3] = 1 2 3  0.5 -0.25 65504  5.9604645e-8 0 -2
const  f f32[3] = 10 20 30
gather a, q, i
gather b, h, i
gather c, f, i
gather d, x, i
; tick i 1 2 x 1 2 3 4 5 6 -> a -2 2.5 -3 254 -254 0 b 0.5 -0.25 65504 5.9604645e-8 0 -2 c 20 30 d 3 4 5 6
; tick i 0 -0 x 1 2 3 4 5 6 -> a 1 2 3 1 2 3 b 1 2 3 1 2 3 c 10 10 d 1 2 1 2
